/*!
The Q-Former of BLIP-2 and InstructBLIP: a BERT with post-norms in which learned queries look at a
picture's features, and, in InstructBLIP, at the prompt as well.

Follows huggingface/transformers v4.57.3 `models/blip_2/modeling_blip_2.py` (`Blip2QFormerModel`) and
`models/instructblip/modeling_instructblip.py` (`InstructBlipQFormerModel`). Knows nothing of tokenizers or of the language model that reads the result.
*/

use candle_core::{DType, Device, Result, Tensor};
use candle_nn::{LayerNorm, Module};

use super::{
    Activation, AttentionRows, Bias, Linear, add, attend_each, choose_rows, layer_norm, linear,
    look_up,
};
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

    /// What the queries found in the features `(pictures, tokens, width)`, each picture with a prompt
    /// of its own, `text_ids` (of the Q-Former's own vocabulary; empty without a text path):
    /// `(pictures, queries, hidden)`, in the Q-Former's type.
    pub fn forward(&self, features: &Tensor, text_ids: &[&[u32]]) -> Result<Tensor> {
        let (pictures, tokens, width) = features.dims3()?;
        let features = features.to_device(self.device())?.to_dtype(self.dtype())?;
        let features = features.reshape((pictures * tokens, width))?;
        let (count, hidden) = self.queries.dims2()?;
        let words = match self.text {
            Some(_) => text_ids.iter().map(|ids| ids.len()).collect(),
            None => vec![0; pictures],
        };
        let rows = Rows::new(count, tokens, &words, self.device())?;
        let mut stream = self.norm.forward(&self.embed(&rows, text_ids)?)?;
        for layer in &self.layers {
            stream = layer.forward(&stream, &rows, &features)?;
        }
        rows.queries_of(&stream)?.reshape((pictures, count, hidden))
    }

    /// Each picture's queries and words.
    fn embed(&self, rows: &Rows, text_ids: &[&[u32]]) -> Result<Tensor> {
        let (count, hidden) = self.queries.dims2()?;
        let pictures = rows.lengths.len();
        let queries = self.queries.unsqueeze(0)?.expand((pictures, count, hidden))?;
        let queries = queries.reshape((pictures * count, hidden))?;
        match (&self.text, &rows.mixed) {
            (Some(text), Some(_)) => rows.join(&queries, &text.embed(text_ids)?),
            _ => Ok(queries),
        }
    }

    fn device(&self) -> &Device {
        self.queries.device()
    }

    fn dtype(&self) -> DType {
        self.queries.dtype()
    }
}

/// Which rows of the stream are which: each picture's queries stand before its words.
#[derive(Debug)]
struct Rows {
    /// Rows of each picture.
    lengths: Vec<usize>,
    /// Queries of each picture.
    query_lengths: Vec<usize>,
    /// Features of each picture.
    feature_lengths: Vec<usize>,
    /// The places of queries and words, if there are words.
    mixed: Option<Places>,
}

/// Indices of rows, u32.
#[derive(Debug)]
struct Places {
    /// Where the queries stand in the stream.
    queries: Tensor,
    /// Where the words stand in the stream.
    words: Tensor,
    /// Where each row of the stream stands behind all queries and then all words.
    joined: Tensor,
}

impl Rows {
    fn new(queries: usize, features: usize, words: &[usize], device: &Device) -> Result<Self> {
        let pictures = words.len();
        Ok(Self {
            lengths: words.iter().map(|words| queries + words).collect(),
            query_lengths: vec![queries; pictures],
            feature_lengths: vec![features; pictures],
            mixed: match words.iter().any(|words| *words > 0) {
                true => Some(Places::new(queries, words, device)?),
                false => None,
            },
        })
    }

    fn queries_of(&self, stream: &Tensor) -> Result<Tensor> {
        match &self.mixed {
            Some(places) => choose_rows(stream, &places.queries),
            None => Ok(stream.clone()),
        }
    }

    fn join(&self, queries: &Tensor, words: &Tensor) -> Result<Tensor> {
        let both = Tensor::cat(&[queries, words], 0)?;
        match &self.mixed {
            Some(places) => choose_rows(&both, &places.joined),
            None => Ok(both),
        }
    }
}

impl Places {
    fn new(queries: usize, words: &[usize], device: &Device) -> Result<Self> {
        let (mut of_queries, mut of_words, mut joined) = (Vec::new(), Vec::new(), Vec::new());
        let all_queries = queries * words.len();
        for words in words {
            for _ in 0..queries {
                joined.push(of_queries.len() as u32);
                of_queries.push(joined.len() as u32 - 1);
            }
            for _ in 0..*words {
                joined.push((all_queries + of_words.len()) as u32);
                of_words.push(joined.len() as u32 - 1);
            }
        }
        let place = |indices: Vec<u32>| Tensor::new(indices, device);
        Ok(Self { queries: place(of_queries)?, words: place(of_words)?, joined: place(joined)? })
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

    /// The words of all prompts, each of which counts its positions from 0.
    fn embed(&self, prompts: &[&[u32]]) -> Result<Tensor> {
        let positions: Vec<u32> = prompts.iter().flat_map(|ids| 0..ids.len() as u32).collect();
        add(&look_up(&self.words, &prompts.concat())?, &look_up(&self.positions, &positions)?)
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

    fn forward(&self, stream: &Tensor, rows: &Rows, features: &Tensor) -> Result<Tensor> {
        let lengths = (rows.lengths.as_slice(), rows.lengths.as_slice());
        let stream = self.attention.forward(stream, stream, lengths)?;
        let mut queries = rows.queries_of(&stream)?;
        if let Some(cross_attention) = &self.cross_attention {
            let lengths = (rows.query_lengths.as_slice(), rows.feature_lengths.as_slice());
            queries = cross_attention.forward(&queries, features, lengths)?;
        }
        let queries = self.query_feed_forward.forward(&queries)?;
        match (&self.text_feed_forward, &rows.mixed) {
            (Some(feed_forward), Some(places)) => {
                let words = feed_forward.forward(&choose_rows(&stream, &places.words)?)?;
                rows.join(&queries, &words)
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

    /// `lengths` are each picture's rows of `hidden` and of what they look at.
    fn forward(
        &self,
        hidden: &Tensor,
        looked_at: &Tensor,
        (query_lengths, key_lengths): (&[usize], &[usize]),
    ) -> Result<Tensor> {
        let attended = attend_each(AttentionRows {
            queries: &self.query.forward(hidden)?,
            keys: &self.key.forward(looked_at)?,
            values: &self.value.forward(looked_at)?,
            heads: self.heads,
            query_lengths,
            key_lengths,
        })?;
        self.norm.forward(&self.dense.forward_added(&attended, hidden)?)
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
        let inner = self.expand.forward_activated(hidden, self.activation)?;
        self.norm.forward(&self.contract.forward_added(&inner, hidden)?)
    }
}
