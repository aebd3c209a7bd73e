//! Encoding the pictures of several requests together.

use std::sync::Arc;
use std::time::Instant;

use candle_core::{Result as TensorResult, Tensor};

use super::input::Input;
use super::picture::Picture;
use super::{EngineError, guarded};
use crate::model::{ImageFeatures, ModelError, PreparedImage, VisionLanguageModel};

/// Most patches that are encoded in one call, unless a single picture has more: bounds the memory
/// of activations.
pub(super) const ENCODED_PATCHES: usize = 16_384;

/// A picture to be encoded.
struct Fresh {
    picture: Arc<Picture>,
    pixels: PreparedImage,
    /// The first input that shows it.
    owner: usize,
}

/// Encodes what has not been encoded of the inputs' pictures. A picture that cannot be encoded
/// keeps the error for those who show it.
///
/// # Errors
/// Memory ran out.
pub(super) fn encode(
    model: &mut dyn VisionLanguageModel,
    inputs: &mut [Input],
) -> Result<(), EngineError> {
    let fresh = fresh_pictures(inputs);
    let mut rest = fresh.as_slice();
    while !rest.is_empty() {
        let (together, others) = rest.split_at(encoded_together(rest));
        rest = others;
        let started = Instant::now();
        encode_together(model, together)?;
        let elapsed = started.elapsed();
        for (row, input) in inputs.iter_mut().enumerate() {
            match together.iter().filter(|fresh| fresh.owner == row).count() {
                0 => {}
                own => input.vision.add(elapsed, own, together.len()),
            }
        }
    }
    Ok(())
}

fn fresh_pictures(inputs: &[Input]) -> Vec<Fresh> {
    let mut fresh: Vec<Fresh> = Vec::new();
    for (owner, input) in inputs.iter().enumerate() {
        for picture in &input.prepared.pictures {
            let is_known = fresh.iter().any(|known| Arc::ptr_eq(&known.picture, picture));
            if let (false, Some(pixels)) = (is_known, picture.pixels()) {
                fresh.push(Fresh { picture: Arc::clone(picture), pixels, owner });
            }
        }
    }
    fresh
}

/// How many of the first pictures go into one call.
fn encoded_together(fresh: &[Fresh]) -> usize {
    let mut patches = 0;
    let fitting = fresh.iter().take_while(|fresh| {
        patches += fresh.pixels.grid.0 * fresh.pixels.grid.1;
        patches <= ENCODED_PATCHES
    });
    fitting.count().max(1)
}

/// All in one call; if that fails, each alone, so that one picture's failure is its own.
fn encode_together(
    model: &mut dyn VisionLanguageModel,
    fresh: &[Fresh],
) -> Result<(), EngineError> {
    match (run_tower(model, fresh), fresh) {
        (Ok(features), _) => {
            for (fresh, features) in fresh.iter().zip(features) {
                fresh.picture.set_features(Ok(features));
            }
        }
        (Err(error @ EngineError::OutOfMemory { .. }), _) => return Err(error),
        (Err(error), [only]) => only.picture.set_features(Err(error)),
        (Err(_), _) => {
            for one in fresh.chunks(1) {
                encode_together(model, one)?;
            }
        }
    }
    Ok(())
}

fn run_tower(
    model: &mut dyn VisionLanguageModel,
    fresh: &[Fresh],
) -> Result<Vec<ImageFeatures>, EngineError> {
    guarded(|| {
        let pixels: Vec<&PreparedImage> = fresh.iter().map(|fresh| &fresh.pixels).collect();
        let mut features = model.encode_images(&pixels)?;
        if let [_, _, ..] = features.as_slice() {
            features = features.iter().map(on_its_own).collect::<Result<_, _>>()?;
        }
        // A GPU works on while the processor goes on; what it takes is this stage's time.
        if let Some(first) = features.first() {
            first.tokens.device().synchronize().map_err(ModelError::from)?;
        }
        Ok(features)
    })
}

/// A copy: views of what was made together would keep all of it in memory as long as one is kept.
fn on_its_own(features: &ImageFeatures) -> Result<ImageFeatures, ModelError> {
    let deep = features.deep.iter().map(Tensor::force_contiguous);
    Ok(ImageFeatures {
        tokens: features.tokens.force_contiguous()?,
        deep: deep.collect::<TensorResult<_>>()?,
    })
}
