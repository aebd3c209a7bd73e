/*!
What a model takes of memory, predicted from its configuration and the headers of its files before
anything is loaded.

Weights and cache are counted; activations are those of the widest stage of a call: a block's
feed-forward part or its attention, whichever is larger. Beside them stand pictures and features
that wait for their turn.
*/

use std::path::Path;

use candle_core::DType;

use super::family::family_of;
use super::{ModelError, find_weight_files};
use crate::weights::{CheckpointFolder, Weights};

/// Most attention scores that are computed at a time; see `nn::attention`.
const SCORES: usize = 16 << 20;
/// Bytes of a score, and of a pixel's value.
const F32_BYTES: usize = 4;

/// The widths of a transformer's blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockShape {
    /// Numbers of a token between blocks.
    pub hidden: usize,
    /// Numbers of a token inside the feed-forward part, gates included.
    pub inner: usize,
    /// Numbers of a token's queries, keys and values together.
    pub projected: usize,
    /// Attention heads.
    pub heads: usize,
}

/// The sizes of a model that decide about memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The vision tower.
    pub tower: BlockShape,
    /// The language model.
    pub language: BlockShape,
    /// Size of its vocabulary.
    pub vocabulary: usize,
    /// Numbers that the cache has for each token of its capacity.
    pub cached_numbers: usize,
    /// What the tower makes of a picture.
    pub features: FeatureShape,
}

/// The numbers of a picture's features.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FeatureShape {
    /// So many for each token that stands for it.
    PerVisualToken(usize),
    /// So many for any picture.
    PerPicture(usize),
}

/// What some requests ask for: the largest of each, and sums, from which follows what several of them
/// take together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Demand {
    /// How many they are.
    pub requests: usize,
    /// Tokens of a prompt, those of pictures included.
    pub prompt_tokens: usize,
    /// Of all prompts together.
    pub all_prompt_tokens: usize,
    /// The tokens of a prompt that stand for pictures.
    pub visual_tokens: usize,
    /// Tokens of prompt and longest answer.
    pub tokens: usize,
    /// Answers of a request that are followed at a time.
    pub beams: usize,
    /// Pictures of a request.
    pub pictures: usize,
    /// Patches of a picture.
    pub patches: usize,
    /// Values of a prepared picture.
    pub pixel_values: usize,
    /// Pictures that have to be encoded: each once, however many show it.
    pub fresh_pictures: usize,
    /// Patches of these.
    pub fresh_patches: usize,
    /// Values of these.
    pub fresh_pixel_values: usize,
    /// Pictures that more than one request shows.
    pub shared_pictures: usize,
}

impl Demand {
    /// That of these requests and others.
    pub fn and(self, other: Self) -> Self {
        Self {
            requests: self.requests + other.requests,
            prompt_tokens: self.prompt_tokens.max(other.prompt_tokens),
            all_prompt_tokens: self.all_prompt_tokens + other.all_prompt_tokens,
            visual_tokens: self.visual_tokens.max(other.visual_tokens),
            tokens: self.tokens.max(other.tokens),
            beams: self.beams.max(other.beams),
            pictures: self.pictures.max(other.pictures),
            patches: self.patches.max(other.patches),
            pixel_values: self.pixel_values.max(other.pixel_values),
            fresh_pictures: self.fresh_pictures + other.fresh_pictures,
            fresh_patches: self.fresh_patches + other.fresh_patches,
            fresh_pixel_values: self.fresh_pixel_values + other.fresh_pixel_values,
            shared_pictures: self.shared_pictures.max(other.shared_pictures),
        }
    }

    /// Prompt tokens of `count` requests.
    fn prompts(&self, count: usize) -> usize {
        of_several(self.prompt_tokens, self.all_prompt_tokens, self.requests, count)
    }

    /// Patches of `count` pictures that have to be encoded.
    fn patches_of(&self, count: usize) -> usize {
        of_several(self.patches, self.fresh_patches, self.fresh_pictures, count)
    }

    /// Bytes of `count` prepared pictures.
    fn pixel_bytes_of(&self, count: usize) -> usize {
        let values = (self.pixel_values, self.fresh_pixel_values);
        F32_BYTES * of_several(values.0, values.1, self.fresh_pictures, count)
    }
}

/// The size of `count` things of which there are `all`, together `sum` large: the largest of them,
/// and others of the mean size.
fn of_several(largest: usize, sum: usize, all: usize, count: usize) -> usize {
    match count.min(all) {
        0 => 0,
        count => largest + (count - 1) * sum.div_ceil(all),
    }
}

/// Bounds that the engine keeps, and that its memory therefore depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// Requests in the cache at a time.
    pub batch: usize,
    /// Tokens of a slot are a multiple of this.
    pub capacity_step: usize,
    /// Prompt tokens that are read in one call.
    pub prefill_tokens: usize,
    /// Patches that are encoded in one call.
    pub encoded_patches: usize,
    /// Bytes of features that are kept for later requests.
    pub kept_bytes: usize,
    /// Prepared pictures in memory for each request of the batch.
    pub pictures_ahead: usize,
}

/// Memory in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Prediction {
    /// The model's weights.
    pub weights: u64,
    /// Keys and values.
    pub cache: u64,
    /// What a call takes besides, and what waits for one.
    pub activations: u64,
}

impl Prediction {
    /// All of it.
    pub fn together(&self) -> u64 {
        self.weights + self.cache + self.activations
    }
}

/// What one model takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Footprint {
    shape: Shape,
    weights: u64,
    number_bytes: usize,
}

impl Footprint {
    /// That of the checkpoint in `folder`, loaded as `dtype`.
    ///
    /// # Errors
    /// The configuration or a file of weights is missing or damaged.
    pub fn read(folder: &Path, dtype: DType) -> Result<Self, ModelError> {
        let checkpoint = CheckpointFolder::open(folder)?;
        let shape = (family_of(&checkpoint)?.shape)(&checkpoint)?;
        let mut numbers = 0_u64;
        for file in find_weight_files(folder)? {
            numbers = numbers.saturating_add(Weights::open_file(&file)?.count_numbers());
        }
        let number_bytes = dtype.size_in_bytes();
        Ok(Self { shape, weights: numbers.saturating_mul(number_bytes as u64), number_bytes })
    }

    /// Bytes of the weights.
    pub fn weights(&self) -> u64 {
        self.weights
    }

    /// What answering such requests takes.
    pub fn predict(&self, demand: &Demand, bounds: &Bounds) -> Prediction {
        let tower = self.tower_bytes(demand, bounds);
        let language = self.language_bytes(demand, bounds);
        let waiting = self.feature_bytes(demand, bounds) + pixel_bytes(demand, bounds);
        Prediction {
            weights: self.weights,
            cache: self.cache_bytes(demand, bounds),
            activations: (tower.max(language) + waiting) as u64,
        }
    }

    /// Keys and values of all slots.
    fn cache_bytes(&self, demand: &Demand, bounds: &Bounds) -> u64 {
        let capacity = demand.tokens.next_multiple_of(bounds.capacity_step);
        let slot = capacity * self.shape.cached_numbers;
        (bounds.batch * demand.beams.max(1) * slot * self.number_bytes) as u64
    }

    fn language_bytes(&self, demand: &Demand, bounds: &Bounds) -> usize {
        let most = bounds.prefill_tokens.max(demand.prompt_tokens);
        let tokens = demand.prompts(bounds.batch).min(most);
        let logits = bounds.batch * demand.beams.max(1) * self.shape.vocabulary * F32_BYTES;
        self.block_bytes(&self.shape.language, tokens, demand.prompt_tokens).max(logits)
    }

    /// The pictures of a call, and then a block over their patches.
    fn tower_bytes(&self, demand: &Demand, bounds: &Bounds) -> usize {
        let pictures = bounds.batch * demand.pictures;
        let most = bounds.encoded_patches.max(demand.patches);
        let patches = demand.patches_of(pictures).min(most);
        let values = demand.pixel_values.div_ceil(demand.patches.max(1));
        let pixels = patches * values * self.number_bytes;
        pixels.max(self.block_bytes(&self.shape.tower, patches, demand.patches))
    }

    /// Activations of a block over `tokens`, of which `longest` attend to each other: what comes in
    /// and its norm, and the wider of attention and feed-forward part.
    fn block_bytes(&self, shape: &BlockShape, tokens: usize, longest: usize) -> usize {
        let BlockShape { hidden, inner, projected, heads } = *shape;
        let scores = SCORES.min(heads * longest * longest) * F32_BYTES;
        let attention = tokens * (2 * projected + hidden) * self.number_bytes + scores;
        let feed_forward = tokens * 2 * inner * self.number_bytes;
        2 * tokens * hidden * self.number_bytes + attention.max(feed_forward)
    }

    /// Features of the requests in work, and of pictures that later ones show again.
    fn feature_bytes(&self, demand: &Demand, bounds: &Bounds) -> usize {
        let picture = match self.shape.features {
            FeatureShape::PerVisualToken(numbers) => {
                demand.visual_tokens.div_ceil(demand.pictures.max(1)) * numbers
            }
            FeatureShape::PerPicture(numbers) => numbers,
        };
        let bytes = picture * self.number_bytes;
        let kept = (demand.shared_pictures * bytes).min(bounds.kept_bytes);
        (bounds.batch * demand.pictures * bytes).max(kept)
    }
}

/// Pictures that are prepared and not encoded yet.
fn pixel_bytes(demand: &Demand, bounds: &Bounds) -> usize {
    demand.pixel_bytes_of((bounds.batch * bounds.pictures_ahead + 1) * demand.pictures)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Round numbers, so that each part can be checked by hand.
    #[test]
    fn the_parts_add_up() {
        let shape = Shape {
            tower: BlockShape { hidden: 10, inner: 20, projected: 30, heads: 1 },
            language: BlockShape { hidden: 100, inner: 400, projected: 200, heads: 2 },
            vocabulary: 50,
            cached_numbers: 8,
            features: FeatureShape::PerVisualToken(100),
        };
        let footprint = Footprint { shape, weights: 1_000_000, number_bytes: 2 };
        let demand = Demand {
            requests: 4,
            prompt_tokens: 10,
            all_prompt_tokens: 32,
            visual_tokens: 4,
            tokens: 30,
            beams: 1,
            pictures: 1,
            patches: 16,
            pixel_values: 160,
            fresh_pictures: 3,
            fresh_patches: 36,
            fresh_pixel_values: 360,
            shared_pictures: 3,
        };
        let bounds = Bounds {
            batch: 2,
            capacity_step: 64,
            prefill_tokens: 1000,
            encoded_patches: 1000,
            kept_bytes: 1000,
            pictures_ahead: 1,
        };
        let found = footprint.predict(&demand, &bounds);
        // Two slots of 64 tokens of 8 numbers of 2 bytes.
        assert_eq!(found.cache, 2 * 64 * 8 * 2);
        // 10 and 8 tokens: twice 100 numbers, and 2 * 400 of the feed-forward part (the attention
        // has 500 and 2 * 10 * 10 scores of 4 bytes).
        let language = 18 * (200 + 800) * 2;
        // Three pictures of 4 tokens of 100 numbers, of 2 bytes, would be kept: 1000 bytes may be,
        // but the two in work have more. All three wait: 160 and twice 120 values of 4 bytes.
        assert_eq!(found.activations, language + 2 * 4 * 100 * 2 + 400 * 4);
        assert_eq!(found.together(), 1_000_000 + found.cache + found.activations);
    }
}
