/*!
The parts with weights of BLIP-2 and InstructBLIP, read from the layout that both share:
`vision_model`, `query_tokens`, `qformer`, `language_projection`, `language_model`.

Follows huggingface/transformers v4.57.3 `models/blip_2/modeling_blip_2.py`. Tensors with other names
(`rotary_emb.inv_freq`, `position_ids`, the heads of retrieval models) are not looked at.
*/

use candle_core::{DType, Tensor};

use super::{Config, LanguageConfig};
use crate::model::joined::Vision;
use crate::model::{ImageFeatures, ModelError, PreparedImage};
use crate::nn::eva_vit::{EvaNames, EvaVit};
use crate::nn::opt::Opt;
use crate::nn::qformer::QFormer;
use crate::nn::t5::T5;
use crate::nn::{Bias, LanguageModel, Linear, Llama, layer_norm, linear};
use crate::weights::{TensorReader, WeightsError};

/// Reads the vision tower.
pub(in crate::model) fn load_tower(
    config: &Config,
    root: &TensorReader,
) -> Result<EvaVit, WeightsError> {
    let (vision, reader) = (&config.vision, root.under("vision_model"));
    let norm = layer_norm(vision.hidden, vision.eps, &reader.under("post_layernorm"))?;
    EvaVit::load(vision, EvaNames::Transformers, norm, &reader)
}

/// The Q-Former and what makes its tokens as wide as the language model's.
#[derive(Debug)]
pub(in crate::model) struct Connector {
    qformer: QFormer,
    projection: Linear,
}

impl Connector {
    /// Reads the Q-Former as `dtype`.
    pub(in crate::model) fn load(
        config: &Config,
        dtype: DType,
        root: &TensorReader,
    ) -> Result<Self, WeightsError> {
        let (sizes, wide) = (&config.qformer, root.cast_to(dtype));
        let queries = wide.tensor("query_tokens", &[1, sizes.queries, sizes.hidden])?;
        let projection = root.under("language_projection");
        Ok(Self {
            qformer: QFormer::load(sizes, &queries, &wide.under("qformer"))?,
            projection: linear(sizes.hidden, config.language.hidden(), Bias::With, &projection)?,
        })
    }

    /// From the tower's features `(pictures, tokens, width)`, and each one's prompt if it is read,
    /// to `(queries, hidden)` of the language model for each picture.
    pub(in crate::model) fn forward(
        &self,
        features: &Tensor,
        prompts: &[&[u32]],
    ) -> Result<Vec<Tensor>, ModelError> {
        let found = self.qformer.forward(features, prompts)?;
        let (pictures, queries, hidden) = found.dims3()?;
        let found = found.reshape((pictures * queries, hidden))?;
        let tokens = self.projection.forward(&found.to_dtype(self.projection.dtype())?)?;
        let of_picture = |picture| Ok(tokens.narrow(0, picture * queries, queries)?);
        (0..pictures).map(of_picture).collect()
    }
}

/// Reads the language model.
pub(in crate::model) fn load_language(
    config: &Config,
    root: &TensorReader,
) -> Result<Box<dyn LanguageModel>, WeightsError> {
    let reader = root.under("language_model");
    Ok(match config.language {
        LanguageConfig::Opt(config) => Box::new(Opt::load(config, &reader)?),
        LanguageConfig::T5(config) => Box::new(T5::load(config, &reader)?),
        LanguageConfig::Llama(config) => {
            Box::new(Llama::load(config, &reader.under("model"), &reader.under("lm_head"))?)
        }
    })
}

/// BLIP-2's tower and Q-Former, which looks at the picture alone.
#[derive(Debug)]
pub(super) struct Blip2Vision {
    tower: EvaVit,
    connector: Connector,
}

impl Blip2Vision {
    /// The Q-Former stays in f32 whatever the rest is (`Blip2PreTrainedModel`'s
    /// `_keep_in_fp32_modules`, which transformers 4.57 heeds for f16 only).
    pub(super) fn load(config: &Config, root: &TensorReader) -> Result<Self, WeightsError> {
        Ok(Self {
            tower: load_tower(config, root)?,
            connector: Connector::load(config, DType::F32, root)?,
        })
    }
}

impl Vision for Blip2Vision {
    fn encode(&self, images: &[&PreparedImage]) -> Result<Vec<ImageFeatures>, ModelError> {
        let pixels: Vec<&Tensor> = images.iter().map(|image| &image.pixels).collect();
        let found = self.connector.forward(&self.tower.encode(&pixels)?, &[])?;
        Ok(found.into_iter().map(|tokens| ImageFeatures { tokens, deep: Vec::new() }).collect())
    }
}
