/*!
The Q-Former of BLIP-2 and InstructBLIP: a BERT with post-norms in which learned queries look at a
picture's features, and, in InstructBLIP, at the prompt as well.

Follows huggingface/transformers v4.57.3 `models/blip_2/modeling_blip_2.py` (`Blip2QFormerModel`) and
`models/instructblip/modeling_instructblip.py` (`InstructBlipQFormerModel`). One picture at a time.
Knows nothing of tokenizers or of the language model that reads the result.
*/

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{Activation, LayerNorm, Linear, Module};

use super::{Bias, Visibility, activate, attend, layer_norm, linear, look_up, split_heads};
use crate::weights::{TensorReader, WeightsError};

/// The sizes of the Q-Former. All are at least 1; `hidden` is a multiple of `heads`.
#[derive(Debug, Clone)]
pub struct QFormerConfig {
    /// Learned queries, which are the tokens it gives.
    pub queries: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Layers.
    pub layers: usize,
    /// Attention heads.
    pub heads: usize,
    /// Width inside the feed-forward part.
    pub intermediate: usize,
    /// Every how many layers, the first included, the queries look at the picture.
    pub cross_attention_every: usize,
    /// Width of the picture's features.
    pub features: usize,
    /// Added to the variance in norms.
    pub eps: f64,
    /// Activation of the feed-forward part.
    pub activation: Activation,
    /// The sizes of the text path, if it has one.
    pub text: Option<TextConfig>,
}

/// The sizes of a Q-Former's text path.
#[derive(Debug, Clone, Copy)]
pub struct TextConfig {
    /// Number of token ids.
    pub vocabulary: usize,
    /// Most tokens it can read.
    pub max_tokens: usize,
}

/// The Q-Former with its weights.
#[derive(Debug)]
pub struct QFormer {
    /// `(queries, hidden)`
    queries: Tensor,
    text: Option<TextEmbeddings>,
    norm: LayerNorm,
    layers: Vec<Layer>,
}

impl QFormer {
    /// Reads the layers from under `reader`; `queries` `(1, queries, hidden)` lie beside it.
    pub fn load(
        config: &QFormerConfig,
        queries: &Tensor,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let embeddings = reader.under("embeddings");
        let text = config.text.map(|text| TextEmbeddings::load(config.hidden, text, &embeddings));
        let norm = match config.text {
            Some(_) => embeddings.under("layernorm"),
            None => reader.under("layernorm"),
        };
        let layer = |index| Layer::load(config, index, &reader.under("encoder.layer").under(index));
        let queries =
            queries.squeeze(0).map_err(|source| reader.convert_error("../query_tokens", source))?;
        Ok(Self {
            queries,
            text: text.transpose()?,
            norm: layer_norm(config.hidden, config.eps, &norm)?,
            layers: (0..config.layers).map(layer).collect::<std::result::Result<_, _>>()?,
        })
    }

    /// What the queries found in `features` `(tokens, width)`, given the prompt's `text_ids` (of the
    /// Q-Former's own vocabulary; none without a text path): `(queries, hidden)`, in the Q-Former's
    /// type.
    pub fn forward(&self, features: &Tensor, text_ids: &[u32]) -> Result<Tensor> {
        let features = features.to_device(self.device())?.to_dtype(self.dtype())?;
        let embedded = match &self.text {
            Some(text) if !text_ids.is_empty() => {
                Tensor::cat(&[&self.queries, &text.embed(text_ids)?], 0)?
            }
            _ => self.queries.clone(),
        };
        let count = self.queries.dim(0)?;
        let mut hidden = self.norm.forward(&embedded)?;
        for layer in &self.layers {
            hidden = layer.forward(&hidden, count, &features)?;
        }
        hidden.narrow(0, 0, count)
    }

    fn device(&self) -> &Device {
        self.queries.device()
    }

    fn dtype(&self) -> DType {
        self.queries.dtype()
    }
}

/// Words and where they stand.
#[derive(Debug)]
struct TextEmbeddings {
    words: Tensor,
    positions: Tensor,
}

impl TextEmbeddings {
    fn load(
        hidden: usize,
        config: TextConfig,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let table = |name, rows| reader.under(name).tensor("weight", &[rows, hidden]);
        Ok(Self {
            words: table("word_embeddings", config.vocabulary)?,
            positions: table("position_embeddings", config.max_tokens)?,
        })
    }

    fn embed(&self, ids: &[u32]) -> Result<Tensor> {
        look_up(&self.words, ids)? + self.positions.narrow(0, 0, ids.len())?
    }
}

#[derive(Debug)]
struct Layer {
    attention: Attention,
    cross_attention: Option<Attention>,
    query_feed_forward: FeedForward,
    /// The text has its own, if there is a text path.
    text_feed_forward: Option<FeedForward>,
}

impl Layer {
    fn load(
        config: &QFormerConfig,
        index: usize,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let looks = index.is_multiple_of(config.cross_attention_every);
        let cross_attention = looks
            .then(|| Attention::load(config, config.features, &reader.under("crossattention")))
            .transpose()?;
        let feed_forward = |expand, contract| {
            FeedForward::load(config, &reader.under(expand), &reader.under(contract))
        };
        Ok(Self {
            attention: Attention::load(config, config.hidden, &reader.under("attention"))?,
            cross_attention,
            query_feed_forward: feed_forward("intermediate_query", "output_query")?,
            text_feed_forward: config
                .text
                .map(|_| feed_forward("intermediate", "output"))
                .transpose()?,
        })
    }

    /// `hidden` is the queries' rows, `count` of them, and the text's.
    fn forward(&self, hidden: &Tensor, count: usize, features: &Tensor) -> Result<Tensor> {
        let hidden = self.attention.forward(hidden, hidden)?;
        let mut queries = hidden.narrow(0, 0, count)?;
        if let Some(cross_attention) = &self.cross_attention {
            queries = cross_attention.forward(&queries, features)?;
        }
        let queries = self.query_feed_forward.forward(&queries)?;
        let words = hidden.dim(0)? - count;
        match &self.text_feed_forward {
            Some(feed_forward) if words > 0 => {
                let text = feed_forward.forward(&hidden.narrow(0, count, words)?)?;
                Tensor::cat(&[queries, text], 0)
            }
            _ => Ok(queries),
        }
    }
}

/// Attention with its residual and the norm behind it.
#[derive(Debug)]
struct Attention {
    query: Linear,
    key: Linear,
    value: Linear,
    dense: Linear,
    norm: LayerNorm,
    heads: usize,
}

impl Attention {
    /// `width` is that of what is looked at.
    fn load(
        config: &QFormerConfig,
        width: usize,
        reader: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let (hidden, inner, output) =
            (config.hidden, reader.under("attention"), reader.under("output"));
        let project = |name, inputs| linear(inputs, hidden, Bias::With, &inner.under(name));
        Ok(Self {
            query: project("query", hidden)?,
            key: project("key", width)?,
            value: project("value", width)?,
            dense: linear(hidden, hidden, Bias::With, &output.under("dense"))?,
            norm: layer_norm(hidden, config.eps, &output.under("LayerNorm"))?,
            heads: config.heads,
        })
    }

    fn forward(&self, hidden: &Tensor, looked_at: &Tensor) -> Result<Tensor> {
        let queries = split_heads(&self.query.forward(hidden)?, self.heads)?;
        let keys = split_heads(&self.key.forward(looked_at)?, self.heads)?;
        let values = split_heads(&self.value.forward(looked_at)?, self.heads)?;
        let scale = (queries.dim(2)? as f64).powf(-0.5);
        let attended = attend(&queries, &keys, &values, scale, Visibility::All)?;
        self.norm.forward(&(self.dense.forward(&attended)? + hidden)?)
    }
}

/// The feed-forward part with its residual and the norm behind it.
#[derive(Debug)]
struct FeedForward {
    expand: Linear,
    contract: Linear,
    norm: LayerNorm,
    activation: Activation,
}

impl FeedForward {
    fn load(
        config: &QFormerConfig,
        expand: &TensorReader,
        contract: &TensorReader,
    ) -> std::result::Result<Self, WeightsError> {
        let QFormerConfig { hidden, intermediate, eps, .. } = *config;
        Ok(Self {
            expand: linear(hidden, intermediate, Bias::With, &expand.under("dense"))?,
            contract: linear(intermediate, hidden, Bias::With, &contract.under("dense"))?,
            norm: layer_norm(hidden, eps, &contract.under("LayerNorm"))?,
            activation: config.activation,
        })
    }

    fn forward(&self, hidden: &Tensor) -> Result<Tensor> {
        let inner = activate(self.activation, self.expand.forward(hidden)?)?;
        self.norm.forward(&(self.contract.forward(&inner)? + hidden)?)
    }
}
