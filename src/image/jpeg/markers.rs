//! Marker segments: what stands between the scans (`jdmarker.c`).

use super::JpegError;
use super::bits::Bits;
use super::blocks::NATURAL_ORDER;
use super::frame::{Component, Frame};
use super::huffman::{Class, Definition, Table};

const START_OF_IMAGE: [u8; 2] = [0xFF, 0xD8];
const END_OF_IMAGE: u8 = 0xD9;
const START_OF_SCAN: u8 = 0xDA;

/// What a file says of its colours.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Hints {
    pub(super) jfif: bool,
    /// The transform of an Adobe segment: 0 none, 1 YCbCr, 2 YCCK.
    pub(super) adobe: Option<u8>,
}

/// A component's part in a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Part {
    /// The component's place in the frame.
    pub(super) component: usize,
    pub(super) dc: usize,
    pub(super) ac: usize,
}

/// What a scan header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Scan {
    /// Where the header begins.
    pub(super) offset: usize,
    pub(super) parts: Vec<Part>,
    /// First and last coefficient.
    pub(super) first: usize,
    pub(super) last: usize,
    /// Bits that earlier scans left out, and that this one leaves out.
    pub(super) high: u32,
    pub(super) low: u32,
}

/// Reads segments up to the next scan, and keeps the tables that they set.
pub(super) struct Reader<'b> {
    bytes: &'b [u8],
    pub(super) bits: Bits<'b>,
    hints: Hints,
    quantisation: [Option<[u16; 64]>; 4],
    dc: [Option<Definition>; 4],
    ac: [Option<Definition>; 4],
    /// Units between restart markers; 0 for none.
    pub(super) restart_interval: u32,
    frame: Option<Frame>,
    scan: Option<Scan>,
}

/// A segment's content.
struct Segment<'b> {
    offset: usize,
    content: &'b [u8],
}

impl Segment<'_> {
    fn damaged(&self, found: &'static str) -> JpegError {
        JpegError::Damaged { offset: self.offset, found }
    }
}

impl<'b> Reader<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self {
            bytes,
            bits: Bits::new(bytes, START_OF_IMAGE.len()),
            hints: Hints::default(),
            quantisation: [None; 4],
            dc: [const { None }; 4],
            ac: [const { None }; 4],
            restart_interval: 0,
            frame: None,
            scan: None,
        }
    }

    pub(super) fn hints(&self) -> Hints {
        self.hints
    }

    /// The frame, read up to its first scan's header.
    pub(super) fn frame(&mut self) -> Result<Frame, JpegError> {
        if !self.bytes.starts_with(&START_OF_IMAGE) {
            return Err(JpegError::Damaged { offset: 0, found: "no start of a JPEG" });
        }
        let scan = self.next_scan()?;
        let offset = self.bits.position;
        let missing = |found| JpegError::Damaged { offset, found };
        let scan = scan.ok_or(missing("the end marker comes before any picture"))?;
        let mut frame = self.frame.clone().ok_or(missing("a scan without a frame header"))?;
        frame.several_scans = frame.progressive || scan.parts.len() < frame.components.len();
        self.scan = Some(scan);
        Ok(frame)
    }

    /// The next scan's header; none at the end marker.
    pub(super) fn next_scan(&mut self) -> Result<Option<Scan>, JpegError> {
        if let Some(scan) = self.scan.take() {
            return Ok(Some(scan));
        }
        loop {
            match self.marker()? {
                END_OF_IMAGE => return Ok(None),
                START_OF_SCAN => {
                    let segment = self.segment("a scan's header")?;
                    return self.scan_header(&segment).map(Some);
                }
                // Restart markers out of place, and those without content.
                0x01 | 0xD0..=0xD7 => {}
                code => self.read(code)?,
            }
        }
    }

    /// The table of quantisation steps in this place.
    pub(super) fn steps(&self, place: usize, scan: &Scan) -> Result<[u16; 64], JpegError> {
        let found = "a scan without its quantisation table";
        let steps = self.quantisation.get(place).copied().flatten();
        steps.ok_or(JpegError::Damaged { offset: scan.offset, found })
    }

    /// The Huffman table of a class in this place.
    pub(super) fn table(&self, class: Class, at: usize, scan: &Scan) -> Result<Table, JpegError> {
        let damaged = |found| JpegError::Damaged { offset: scan.offset, found };
        let tables = match class {
            Class::Dc => &self.dc,
            Class::Ac => &self.ac,
        };
        let definition = tables.get(at).and_then(Option::as_ref);
        let definition = definition.ok_or(damaged("a scan without its Huffman table"))?;
        Table::new(definition, class).ok_or(damaged("a Huffman table that is none"))
    }

    fn truncated(&self, part: &'static str) -> JpegError {
        JpegError::Truncated { offset: self.bytes.len(), part }
    }

    fn marker(&mut self) -> Result<u8, JpegError> {
        loop {
            if let Some(code) = self.bits.marker.take() {
                return Ok(code);
            }
            let start = self.bits;
            if self.bits.next_marker().is_err() {
                self.bits = start;
                if !self.bits.take_piece() {
                    return Err(self.truncated("the markers between its parts"));
                }
            }
        }
    }

    fn segment(&mut self, part: &'static str) -> Result<Segment<'b>, JpegError> {
        let offset = self.bits.position;
        let length = self.bytes.get(offset..offset + 2).ok_or_else(|| self.truncated(part))?;
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if length < 2 {
            return Err(JpegError::Damaged { offset, found: "a segment of length 0" });
        }
        let content = self.bytes.get(offset + 2..offset + length);
        let content = content.ok_or_else(|| self.truncated(part))?;
        self.bits = Bits::new(self.bytes, offset + length);
        Ok(Segment { offset, content })
    }

    fn read(&mut self, code: u8) -> Result<(), JpegError> {
        let segment = self.segment("a segment of its header")?;
        let unsupported = |kind| Err(JpegError::Unsupported { offset: segment.offset, kind });
        match code {
            0xC0..=0xC2 => self.start_of_frame(&segment, code == 0xC2),
            0xC4 => self.huffman_tables(&segment),
            0xC3 => unsupported("a lossless JPEG"),
            0xC9 | 0xCA => unsupported("a JPEG with arithmetic coding"),
            0xC5..=0xC7 | 0xCB | 0xCD..=0xCF => unsupported("a hierarchical or lossless JPEG"),
            0xDB => self.quantisation_tables(&segment),
            0xDD => {
                let [high, low] = *segment.content else {
                    return Err(segment.damaged("a restart interval of the wrong length"));
                };
                self.restart_interval = u32::from(u16::from_be_bytes([high, low]));
                Ok(())
            }
            0xE0 => {
                let is_jfif = segment.content.starts_with(b"JFIF\0");
                self.hints.jfif |= is_jfif && segment.content.len() >= 14;
                Ok(())
            }
            0xEE => {
                if segment.content.starts_with(b"Adobe") && segment.content.len() >= 12 {
                    self.hints.adobe = Some(segment.content[11]);
                }
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn start_of_frame(
        &mut self,
        segment: &Segment<'_>,
        progressive: bool,
    ) -> Result<(), JpegError> {
        if self.frame.is_some() {
            return Err(segment.damaged("a second frame header"));
        }
        let [depth, high, low, left, right, count, ref components @ ..] = *segment.content else {
            return Err(segment.damaged("a frame header that is too short"));
        };
        let size = |high, low| u32::from(u16::from_be_bytes([high, low]));
        let (width, height) = (size(left, right), size(high, low));
        if depth != 8 {
            let kind = "a JPEG of another depth than 8 bits";
            return Err(JpegError::Unsupported { offset: segment.offset, kind });
        }
        if components.len() != 3 * usize::from(count) {
            return Err(segment.damaged("a frame header of the wrong length"));
        }
        if width == 0 || height == 0 {
            return Err(segment.damaged("a picture without rows or columns"));
        }
        let components = components.chunks_exact(3).map(component).collect::<Option<Vec<_>>>();
        let components = components.ok_or_else(|| segment.damaged("a sampling factor beyond 4"))?;
        if !matches!(components.len(), 1 | 3 | 4) {
            return Err(segment.damaged("a picture of other than 1, 3 or 4 components"));
        }
        self.frame = Some(Frame { width, height, progressive, several_scans: false, components });
        Ok(())
    }

    fn huffman_tables(&mut self, segment: &Segment<'_>) -> Result<(), JpegError> {
        let mut rest = segment.content;
        while !rest.is_empty() {
            let damaged = || segment.damaged("a Huffman table of the wrong length");
            let (head, after) = rest.split_at_checked(17).ok_or_else(damaged)?;
            let counts: [u8; 16] = head[1..].try_into().map_err(|_| damaged())?;
            let count: usize = counts.iter().map(|count| usize::from(*count)).sum();
            let (symbols, after) = after.split_at_checked(count).ok_or_else(damaged)?;
            if count > 256 {
                return Err(damaged());
            }
            let tables = if head[0] & 0xF0 == 0x10 { &mut self.ac } else { &mut self.dc };
            let place = tables.get_mut(usize::from(head[0] & 0xEF));
            let place =
                place.ok_or_else(|| segment.damaged("a Huffman table beyond the fourth"))?;
            *place = Some(Definition { counts, symbols: symbols.to_vec() });
            rest = after;
        }
        Ok(())
    }

    fn quantisation_tables(&mut self, segment: &Segment<'_>) -> Result<(), JpegError> {
        let mut rest = segment.content;
        while let [head, after @ ..] = rest {
            let width = if head >> 4 == 0 { 1 } else { 2 };
            let steps = after.split_at_checked(64 * width);
            let (steps, after) =
                steps.ok_or_else(|| segment.damaged("a quantisation table that is too short"))?;
            let place = self.quantisation.get_mut(usize::from(head & 0xF));
            let place =
                place.ok_or_else(|| segment.damaged("a quantisation table beyond the fourth"))?;
            let mut table = [0; 64];
            for (step, natural) in steps.chunks_exact(width).zip(NATURAL_ORDER) {
                table[natural] = step.iter().fold(0, |step, byte| step << 8 | u16::from(*byte));
            }
            *place = Some(table);
            rest = after;
        }
        Ok(())
    }

    fn scan_header(&self, segment: &Segment<'_>) -> Result<Scan, JpegError> {
        let frame = self.frame.as_ref();
        let frame = frame.ok_or_else(|| segment.damaged("a scan without a frame header"))?;
        let [count, ref rest @ ..] = *segment.content else {
            return Err(segment.damaged("a scan header that is too short"));
        };
        let (parts, ending) = rest
            .split_at_checked(2 * usize::from(count))
            .filter(|(parts, ending)| (2..=8).contains(&parts.len()) && ending.len() == 3)
            .ok_or_else(|| segment.damaged("a scan header of the wrong length"))?;
        let part = |part: &[u8]| {
            let component = frame.components.iter().position(|one| one.id == part[0])?;
            let [dc, ac] = [part[1] >> 4, part[1] & 0xF].map(usize::from);
            Some(Part { component, dc, ac })
        };
        let parts = parts.chunks_exact(2).map(part).collect::<Option<Vec<_>>>();
        let parts = parts.ok_or_else(|| segment.damaged("a scan of an unknown component"))?;
        let twice = |(place, part): (usize, &Part)| {
            parts[..place].iter().any(|other| other.component == part.component)
        };
        if parts.iter().enumerate().any(twice) {
            return Err(segment.damaged("a scan with a component twice"));
        }
        Ok(Scan {
            offset: segment.offset,
            parts,
            first: usize::from(ending[0]),
            last: usize::from(ending[1]),
            high: u32::from(ending[2] >> 4),
            low: u32::from(ending[2] & 0xF),
        })
    }
}

fn component(bytes: &[u8]) -> Option<Component> {
    let [horizontal, vertical] = [bytes[1] >> 4, bytes[1] & 0xF].map(usize::from);
    let is_factor = |factor: usize| (1..=4).contains(&factor);
    (is_factor(horizontal) && is_factor(vertical)).then_some(Component {
        id: bytes[0],
        horizontal,
        vertical,
        quantisation: usize::from(bytes[2]),
    })
}
