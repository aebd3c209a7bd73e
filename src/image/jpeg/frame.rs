//! The frame: size, components, and how their samples lie.

/// What a frame header says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::image) struct Frame {
    pub(in crate::image) width: u32,
    pub(in crate::image) height: u32,
    pub(super) progressive: bool,
    /// Whether the first scan leaves components out, or the file is progressive: then all of the file is
    /// read before a pixel is made.
    pub(super) several_scans: bool,
    pub(super) components: Vec<Component>,
}

/// One component of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Component {
    pub(super) id: u8,
    /// Sampling factors, 1 to 4.
    pub(super) horizontal: usize,
    pub(super) vertical: usize,
    pub(super) quantisation: usize,
}

/// The size of a component's samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Samples that belong to the picture.
    pub(super) width: usize,
    pub(super) height: usize,
    /// Blocks that cover these.
    pub(super) block_columns: usize,
    pub(super) block_rows: usize,
    /// Blocks with those that fill up the last units of interleaved scans.
    pub(super) padded_columns: usize,
    pub(super) padded_rows: usize,
}

impl Frame {
    pub(super) fn most_horizontal(&self) -> usize {
        self.components.iter().map(|one| one.horizontal).max().unwrap_or(1)
    }

    pub(super) fn most_vertical(&self) -> usize {
        self.components.iter().map(|one| one.vertical).max().unwrap_or(1)
    }

    /// Columns and rows of units of an interleaved scan.
    pub(super) fn units(&self) -> (usize, usize) {
        let across = (self.width as usize).div_ceil(8 * self.most_horizontal());
        let down = (self.height as usize).div_ceil(8 * self.most_vertical());
        (across, down)
    }

    pub(super) fn extent(&self, component: &Component) -> Extent {
        let Component { horizontal, vertical, .. } = *component;
        let width = (self.width as usize * horizontal).div_ceil(self.most_horizontal());
        let height = (self.height as usize * vertical).div_ceil(self.most_vertical());
        let (across, down) = self.units();
        Extent {
            width,
            height,
            block_columns: width.div_ceil(8),
            block_rows: height.div_ceil(8),
            padded_columns: across * horizontal,
            padded_rows: down * vertical,
        }
    }

    /// The most memory that decoding takes at once, in bytes: samples and pixels, and the coefficients
    /// where all of them are kept.
    pub(in crate::image) fn decoding_bytes(&self) -> u64 {
        let samples: u64 = self.components.iter().map(|one| self.samples(one)).sum();
        let pixels = u64::from(self.width) * u64::from(self.height);
        let coefficients = if self.several_scans { 2 * samples } else { 0 };
        coefficients + samples + 3 * pixels
    }

    fn samples(&self, component: &Component) -> u64 {
        let Extent { padded_columns, padded_rows, .. } = self.extent(component);
        64 * padded_columns as u64 * padded_rows as u64
    }
}
