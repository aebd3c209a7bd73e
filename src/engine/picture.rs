//! One picture on its way from a file to what the vision tower makes of it.

use std::path::Path;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use candle_core::Tensor;

use super::{EngineError, timed};
use crate::answer::{SeenImage, SeenOrientation, Timings};
use crate::image::{self, Viewing};
use crate::model::{ImageFeatures, ModelError, PreparedImage, Processor};

/// A picture that threads share: prepared by the first that asks, encoded by the engine's.
#[derive(Default)]
pub(super) struct Picture {
    loaded: OnceLock<Result<Loaded, EngineError>>,
    features: Mutex<Option<Result<ImageFeatures, EngineError>>>,
}

/// A decoded and preprocessed picture.
pub(super) struct Loaded {
    /// For prompts and records, which look at sizes alone: without its pixels.
    pub(super) outline: PreparedImage,
    pub(super) seen: SeenImage,
    /// Until it is encoded.
    pixels: Mutex<Option<PreparedImage>>,
}

impl Loaded {
    /// Decodes and preprocesses the file.
    pub(super) fn read(
        path: &Path,
        orientation: Viewing,
        processor: &dyn Processor,
        timings: &mut Timings,
    ) -> Result<Self, EngineError> {
        let decoded = timed(&mut timings.image_decoding, || image::open(path, orientation))?;
        let prepared =
            timed(&mut timings.preprocessing, || processor.prepare_image(&decoded.pixels))?;
        Ok(Self {
            outline: prepared.without_pixels()?,
            seen: SeenImage {
                orientation: decoded.orientation.map(|exif| SeenOrientation::of(exif, orientation)),
                ..seen(&prepared)?
            },
            pixels: Mutex::new(Some(prepared)),
        })
    }
}

impl Picture {
    /// Prepares it, unless that has been done.
    pub(super) fn load(
        &self,
        read: impl FnOnce() -> Result<Loaded, EngineError>,
    ) -> Result<&Loaded, EngineError> {
        self.loaded.get_or_init(read).as_ref().map_err(Clone::clone)
    }

    /// What was prepared.
    pub(super) fn loaded(&self) -> Option<&Loaded> {
        self.loaded.get()?.as_ref().ok()
    }

    /// What the tower reads; none if it has been encoded, or tried to.
    pub(super) fn pixels(&self) -> Option<PreparedImage> {
        lock(&self.loaded()?.pixels).clone()
    }

    /// Keeps what the tower made of it, and lets the pixels go.
    pub(super) fn set_features(&self, features: Result<ImageFeatures, EngineError>) {
        *lock(&self.features) = Some(features);
        self.let_go();
    }

    /// Lets the pixels go.
    pub(super) fn let_go(&self) {
        if let Some(loaded) = self.loaded() {
            lock(&loaded.pixels).take();
        }
    }

    /// What the tower made of it.
    pub(super) fn features(&self) -> Result<ImageFeatures, EngineError> {
        lock(&self.features).clone().unwrap_or(Err(EngineError::Lost))
    }

    /// Memory of the features.
    pub(super) fn bytes(&self) -> usize {
        let size = |tensor: &Tensor| tensor.elem_count() * tensor.dtype().size_in_bytes();
        match &*lock(&self.features) {
            Some(Ok(features)) => {
                size(&features.tokens) + features.deep.iter().map(size).sum::<usize>()
            }
            Some(Err(_)) | None => 0,
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing that could panic is done while it is held.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A picture for records.
pub(super) fn seen(image: &PreparedImage) -> Result<SeenImage, ModelError> {
    Ok(SeenImage {
        original: image.original,
        orientation: None,
        resized: image.resized,
        visual_tokens: image.visual_tokens,
        pixels_shape: image.pixels.dims().to_vec(),
        pixels_crc32: checksum(&image.pixels)?,
    })
}

/// CRC-32 of the values' bytes, little-endian, row by row.
fn checksum(pixels: &Tensor) -> Result<u32, ModelError> {
    let mut hasher = crc32fast::Hasher::new();
    let values: Vec<f32> = pixels.flatten_all()?.to_vec1()?;
    for values in values.chunks(1 << 14) {
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        hasher.update(&bytes);
    }
    Ok(hasher.finalize())
}
