//! Going through the units of each scan, with restarts, to the samples of all components.

use super::JpegError;
use super::bits::{Bits, OutOfBytes, Pace};
use super::blocks::Blocks;
use super::frame::{Component, Extent, Frame};
use super::huffman::{Class, Table};
use super::idct::Block;
use super::markers::{Reader, Scan};
use super::planes::Plane;
use super::progressive::{self, Missing};
use super::sequential::{self, Tables};

/// The most blocks in a unit (`D_MAX_BLOCKS_IN_MCU`).
const MOST_BLOCKS: usize = 10;
/// The most scans of a file for each component, to bound the work: the finest script that encoders write has
/// 15 for all of them together.
const MOST_SCANS: usize = 100;

/// All components' samples.
pub(super) fn decode(reader: &mut Reader<'_>, frame: &Frame) -> Result<Vec<Plane>, JpegError> {
    let extents: Vec<Extent> = frame.components.iter().map(|one| frame.extent(one)).collect();
    if frame.several_scans {
        return decode_scans(reader, frame, &extents);
    }
    let mut planes: Vec<Plane> = extents.iter().map(|extent| Plane::new(*extent)).collect();
    let Some(scan) = reader.next_scan()? else { return Ok(planes) };
    let steps = scan
        .parts
        .iter()
        .map(|part| reader.steps(frame.components[part.component].quantisation, &scan));
    let steps: Vec<[u16; 64]> = steps.collect::<Result<_, _>>()?;
    let tables = tables(reader, &scan)?;
    let walk = Walk::new(frame, &scan)?;
    walk.sequential(reader, &tables, &mut |part, column, row, block| {
        let plane = &mut planes[scan.parts[part].component];
        if column < plane.extent.block_columns && row < plane.extent.block_rows {
            plane.set_block(column, row, block, &steps[part]);
        }
    })?;
    Ok(planes)
}

fn tables(reader: &Reader<'_>, scan: &Scan) -> Result<Vec<Tables>, JpegError> {
    let tables = |part: &super::markers::Part| {
        let dc = reader.table(Class::Dc, part.dc, scan)?;
        Ok(Tables { dc, ac: reader.table(Class::Ac, part.ac, scan)? })
    };
    scan.parts.iter().map(tables).collect()
}

/// Reads all scans up to the end marker, then transforms.
fn decode_scans(
    reader: &mut Reader<'_>,
    frame: &Frame,
    extents: &[Extent],
) -> Result<Vec<Plane>, JpegError> {
    let mut blocks: Vec<Blocks> = extents.iter().map(|extent| Blocks::new(*extent)).collect();
    let mut steps: Vec<Option<[u16; 64]>> = vec![None; extents.len()];
    let mut missing: Vec<Missing> = vec![[-1; 64]; extents.len()];
    let limit = MOST_SCANS * extents.len();
    let mut scans = 0;
    while let Some(scan) = reader.next_scan()? {
        scans += 1;
        if scans > limit {
            return Err(JpegError::TooManyScans { limit });
        }
        for part in &scan.parts {
            // The table of a component's first scan counts.
            if steps[part.component].is_none() {
                let place = frame.components[part.component].quantisation;
                steps[part.component] = Some(reader.steps(place, &scan)?);
            }
        }
        let walk = Walk::new(frame, &scan)?;
        if frame.progressive {
            progressive::check(&scan)?;
            walk.progressive(reader, &mut blocks)?;
            progressive::note(&scan, &mut missing);
        } else {
            let tables = tables(reader, &scan)?;
            walk.sequential(reader, &tables, &mut |part, column, row, block| {
                *blocks[scan.parts[part].component].at_mut(column, row) = *block;
            })?;
        }
    }
    if frame.progressive && progressive::needs_guesses(&missing) {
        return Err(JpegError::ScansMissing);
    }
    // Without a table there was no scan: everything is 0.
    let plane = |(blocks, steps): (&Blocks, &Option<[u16; 64]>)| {
        Plane::from_blocks(blocks, &steps.unwrap_or([0; 64]))
    };
    Ok(blocks.iter().zip(&steps).map(plane).collect())
}

/// The way through a scan's units.
struct Walk<'s> {
    scan: &'s Scan,
    /// Columns and rows of units.
    columns: usize,
    rows: usize,
    /// Blocks of each part in a unit, across and down.
    shapes: Vec<(usize, usize)>,
    blocks: usize,
}

/// What a unit leaves to the next one.
#[derive(Debug, Clone, Copy, Default)]
struct Carried {
    /// The last mean of each part.
    means: [i32; 4],
    /// Blocks still without coefficients.
    run: u32,
}

/// Decodes the unit in a column and row.
type DecodeUnit<'d, 'b> =
    dyn FnMut(&mut Bits<'b>, &mut Carried, (usize, usize)) -> Result<(), OutOfBytes> + 'd;

/// Restart markers.
struct Restarts {
    interval: u32,
    to_go: u32,
    next: u8,
}

impl<'s> Walk<'s> {
    fn new(frame: &Frame, scan: &'s Scan) -> Result<Self, JpegError> {
        let component = |place: usize| -> &Component { &frame.components[place] };
        let (columns, rows, shapes) = match scan.parts.as_slice() {
            [only] => {
                let extent = frame.extent(component(only.component));
                (extent.block_columns, extent.block_rows, vec![(1, 1)])
            }
            several => {
                let (columns, rows) = frame.units();
                let shape = |one: &Component| (one.horizontal, one.vertical);
                let shapes = several.iter().map(|part| shape(component(part.component)));
                (columns, rows, shapes.collect())
            }
        };
        let blocks = shapes.iter().map(|(across, down)| across * down).sum();
        match blocks <= MOST_BLOCKS {
            true => Ok(Self { scan, columns, rows, shapes, blocks }),
            false => {
                let found = "more than 10 blocks in a unit";
                Err(JpegError::Damaged { offset: scan.offset, found })
            }
        }
    }

    /// Every block's place: part, column and row, in the order of a unit.
    fn places(&self, column: usize, row: usize) -> impl Iterator<Item = (usize, usize, usize)> {
        self.shapes.iter().enumerate().flat_map(move |(part, (across, down))| {
            (0..*down).flat_map(move |y| {
                (0..*across).map(move |x| (part, column * across + x, row * down + y))
            })
        })
    }

    fn sequential(
        &self,
        reader: &mut Reader<'_>,
        tables: &[Tables],
        put: &mut dyn FnMut(usize, usize, usize, &Block),
    ) -> Result<(), JpegError> {
        let mut unit = [[0_i16; 64]; MOST_BLOCKS];
        let parts: Vec<usize> = self.places(0, 0).map(|(part, _, _)| part).collect();
        self.each_unit(reader, Pace::Fast, &mut |bits, carried, (column, row)| {
            unit[..self.blocks].fill([0; 64]);
            if !bits.starved {
                for (block, part) in unit.iter_mut().zip(&parts) {
                    let mean = &mut carried.means[*part];
                    sequential::block(bits, &tables[*part], mean, block)?;
                }
            }
            if bits.pace == Pace::Careful || bits.marker.is_none() {
                for (block, (part, column, row)) in unit.iter().zip(self.places(column, row)) {
                    put(part, column, row, block);
                }
            }
            Ok(())
        })
    }

    fn progressive(&self, reader: &mut Reader<'_>, blocks: &mut [Blocks]) -> Result<(), JpegError> {
        let scan = self.scan;
        let parts = scan.parts.iter();
        let tables: Vec<Option<Table>> = match (scan.first, scan.high) {
            (0, 0) => parts.map(|part| reader.table(Class::Dc, part.dc, scan).map(Some)).collect(),
            (0, _) => Ok(vec![None; scan.parts.len()]),
            _ => parts.map(|part| reader.table(Class::Ac, part.ac, scan).map(Some)).collect(),
        }?;
        self.each_unit(reader, Pace::Careful, &mut |bits, carried, (column, row)| {
            if bits.starved {
                return Ok(());
            }
            for (part, column, row) in self.places(column, row) {
                let block = blocks[scan.parts[part].component].at_mut(column, row);
                let (mean, run) = (&mut carried.means[part], &mut carried.run);
                match (&tables[part], scan.first, scan.high) {
                    (Some(table), 0, _) => progressive::first_mean(bits, table, scan, mean, block)?,
                    (None, _, _) => progressive::next_mean(bits, scan, block)?,
                    (Some(table), _, high) => {
                        // A block may have to be decoded once more.
                        let mut new = *block;
                        match high {
                            0 => progressive::first_band(bits, table, scan, run, &mut new)?,
                            _ => progressive::next_band(bits, table, scan, run, &mut new)?,
                        }
                        *block = new;
                    }
                }
            }
            Ok(())
        })
    }

    /// Decodes unit after unit. One that runs out of bytes is decoded again with the next piece of the file,
    /// one that meets a marker at a fast pace is decoded again with care.
    fn each_unit<'b>(
        &self,
        reader: &mut Reader<'b>,
        pace: Pace,
        decode: &mut DecodeUnit<'_, 'b>,
    ) -> Result<(), JpegError> {
        let interval = reader.restart_interval;
        let mut restarts = Restarts { interval, to_go: interval, next: 0 };
        let mut carried = Carried::default();
        let bits = &mut reader.bits;
        bits.starved = false;
        for (row, column) in (0..self.rows).flat_map(|y| (0..self.columns).map(move |x| (y, x))) {
            if restarts.are_due() {
                again(bits, |bits| restart(bits, restarts.next))?;
                restarts.done();
                carried = Carried::default();
            }
            let before = carried;
            again(bits, |bits| {
                let start = *bits;
                carried = before;
                bits.choose_pace(self.blocks, interval > 0 || pace == Pace::Careful);
                decode(bits, &mut carried, (column, row))?;
                if bits.pace == Pace::Fast && bits.marker.is_some() {
                    *bits = start;
                    bits.pace = Pace::Careful;
                    carried = before;
                    decode(bits, &mut carried, (column, row))?;
                }
                Ok(())
            })?;
            restarts.to_go = restarts.to_go.saturating_sub(1);
        }
        bits.align();
        Ok(())
    }
}

/// Works from where the bits are; where bytes run out, once more with the next piece of the file.
fn again<'b>(
    bits: &mut Bits<'b>,
    mut work: impl FnMut(&mut Bits<'b>) -> Result<(), OutOfBytes>,
) -> Result<(), JpegError> {
    loop {
        let start = *bits;
        if work(bits).is_ok() {
            return Ok(());
        }
        *bits = start;
        if !bits.take_piece() {
            return Err(bits.truncated());
        }
    }
}

impl Restarts {
    fn are_due(&self) -> bool {
        self.interval > 0 && self.to_go == 0
    }

    fn done(&mut self) {
        self.to_go = self.interval;
        self.next = (self.next + 1) % 8;
    }
}

/// Moves behind the restart marker of this number, or finds the way again without it
/// (`jpeg_resync_to_restart` of `jdmarker.c`).
fn restart(bits: &mut Bits<'_>, number: u8) -> Result<(), OutOfBytes> {
    const FIRST: u8 = 0xD0;
    bits.align();
    if bits.marker.is_none() {
        bits.next_marker()?;
    }
    while let Some(marker) = bits.marker {
        let distance = match marker {
            FIRST..=0xD7 => (marker - FIRST + 8 - number) % 8,
            // Below the frames' there is no marker; above, it is another segment's.
            ..0xC0 => 7,
            _ => 1,
        };
        match distance {
            1 | 2 => break,
            6 | 7 => bits.next_marker()?,
            _ => bits.marker = None,
        }
    }
    if bits.marker.is_none() {
        bits.starved = false;
    }
    Ok(())
}
