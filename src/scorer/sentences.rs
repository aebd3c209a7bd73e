//! Encoders of sentences: BERT (Devlin et al. 2018, arXiv 1810.04805) and the pooling of
//! sentence-transformers (Reimers and Gurevych 2019, arXiv 1908.10084).
//!
//! A folder as `sentence-transformers/all-MiniLM-L6-v2` has it, or a plain BERT checkpoint, which
//! sentence-transformers pools by the mean. Equal to huggingface/transformers v4.57.3
//! `models/bert` and huggingface/sentence-transformers `models/Pooling.py`.

use std::path::PathBuf;

use candle_core::{DType, Device, Result as TensorResult, Tensor};
use candle_transformers::models::bert::{
    BertModel, Config as CandleConfig, HiddenAct, PositionEmbeddingType,
};
use serde::Deserialize;

use super::fitted;
use crate::model::ModelError;
use crate::model::fields::FieldCheck;
use crate::model::tokenizer::TextTokenizer;
use crate::nn::candle_weights;
use crate::weights::{CheckpointFolder, TensorReader};

const MODULES: &str = "modules.json";
const POOLING: &str = "1_Pooling/config.json";

/// With the defaults of `configuration_bert.py`.
#[derive(Deserialize)]
struct RawConfig {
    vocab_size: usize,
    hidden_size: usize,
    num_hidden_layers: usize,
    num_attention_heads: usize,
    intermediate_size: usize,
    #[serde(default = "gelu")]
    hidden_act: String,
    max_position_embeddings: usize,
    type_vocab_size: usize,
    #[serde(default = "norm_eps")]
    layer_norm_eps: f64,
    #[serde(default)]
    pad_token_id: usize,
    position_embedding_type: Option<String>,
}

fn gelu() -> String {
    "gelu".to_owned()
}

fn norm_eps() -> f64 {
    1e-12
}

/// `sentence_bert_config.json`.
#[derive(Deserialize)]
struct SentenceConfig {
    max_seq_length: Option<usize>,
    #[serde(default)]
    do_lower_case: bool,
}

/// One entry of `modules.json`.
#[derive(Deserialize)]
struct Module {
    #[serde(rename = "type")]
    kind: String,
}

/// `1_Pooling/config.json`.
#[derive(Deserialize, Default)]
#[serde(default)]
struct RawPooling {
    pooling_mode_cls_token: bool,
    pooling_mode_mean_tokens: bool,
    pooling_mode_max_tokens: bool,
    pooling_mode_mean_sqrt_len_tokens: bool,
    pooling_mode_weightedmean_tokens: bool,
    pooling_mode_lasttoken: bool,
}

/// How the tokens' states become one vector.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pooling {
    /// Their mean.
    Mean,
    /// The first one.
    First,
    /// The largest of each number.
    Largest,
}

/// A BERT with its pooling.
pub struct SentenceEncoder {
    tokenizer: TextTokenizer,
    lower_case: LowerCase,
    longest: usize,
    vocabulary: usize,
    network: BertModel,
    pooling: Pooling,
    device: Device,
}

/// Whether texts are lower-cased before the tokenizer sees them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LowerCase {
    Whole,
    Untouched,
}

impl SentenceEncoder {
    /// Loads `config.json`, `tokenizer.json`, sentence-transformers' files if they are there, and
    /// the weights, in f32.
    ///
    /// # Errors
    /// A file is missing or cannot be used, or names a step that is not there.
    pub fn load(folder: &CheckpointFolder, device: &Device) -> Result<Self, ModelError> {
        let raw: RawConfig = folder.required_json("config.json", "the sizes of the network")?;
        let config = check_config(&raw, &FieldCheck::new(folder.path().join("config.json")))?;
        let sentences: Option<SentenceConfig> =
            folder.optional_json("sentence_bert_config.json")?;
        let longest = sentences.as_ref().and_then(|sentences| sentences.max_seq_length);
        let lower = sentences.is_some_and(|sentences| sentences.do_lower_case);
        let modules: Vec<Module> = folder.optional_json(MODULES)?.unwrap_or_default();
        check_modules(&modules, folder)?;
        let reader = folder.weights()?.reader(device, DType::F32);
        let reader = match reader.contains("bert.embeddings.word_embeddings.weight") {
            true => reader.under("bert"),
            false => reader,
        };
        Ok(Self {
            tokenizer: TextTokenizer::without_stop_tokens(folder, "tokenizer.json")?,
            lower_case: if lower { LowerCase::Whole } else { LowerCase::Untouched },
            longest: longest.unwrap_or(usize::MAX).clamp(2, raw.max_position_embeddings.max(2)),
            vocabulary: raw.vocab_size,
            network: network(&config, &reader)?,
            pooling: pooling(&modules, folder)?,
            device: device.clone(),
        })
    }

    /// The embedding of a text, not normalised.
    ///
    /// # Errors
    /// The text has no tokens or one that the network does not know, or the network failed.
    pub fn embed(&self, text: &str) -> Result<Vec<f32>, ModelError> {
        let states = self.states(&self.ids(text)?)?;
        Ok(self.pooling.of(&states)?.to_vec1()?)
    }

    /// The ids that the network reads: what is beyond its length is cut off before the last one.
    ///
    /// # Errors
    /// As [`Self::embed`].
    pub fn ids(&self, text: &str) -> Result<Vec<u32>, ModelError> {
        // sentence-transformers strips texts.
        let text = text.trim();
        let ids = match self.lower_case {
            LowerCase::Whole => self.tokenizer.encode(&text.to_lowercase())?,
            LowerCase::Untouched => self.tokenizer.encode(text)?,
        };
        fitted(ids, self.longest, self.vocabulary)
    }

    /// `(tokens, hidden)`.
    fn states(&self, ids: &[u32]) -> TensorResult<Tensor> {
        let ids = Tensor::new(ids, &self.device)?.unsqueeze(0)?;
        self.network.forward(&ids, &ids.zeros_like()?, None)?.squeeze(0)
    }
}

impl Pooling {
    /// The vector of states `(tokens, hidden)`.
    fn of(self, states: &Tensor) -> TensorResult<Tensor> {
        match self {
            Self::Mean => states.mean(0),
            Self::First => states.get(0),
            Self::Largest => states.max(0),
        }
    }
}

fn network(config: &CandleConfig, reader: &TensorReader) -> Result<BertModel, ModelError> {
    let network = candle_weights::build(reader, |tensors| BertModel::load(tensors, config))?;
    Ok(network)
}

fn check_config(raw: &RawConfig, check: &FieldCheck) -> Result<CandleConfig, ModelError> {
    check.sizes(&[
        ("vocab_size", raw.vocab_size),
        ("hidden_size", raw.hidden_size),
        ("num_hidden_layers", raw.num_hidden_layers),
        ("num_attention_heads", raw.num_attention_heads),
        ("intermediate_size", raw.intermediate_size),
        ("max_position_embeddings", raw.max_position_embeddings),
        ("type_vocab_size", raw.type_vocab_size),
    ])?;
    check.that(raw.hidden_size.is_multiple_of(raw.num_attention_heads), || {
        let expected = format!("a multiple of the {} heads", raw.num_attention_heads);
        ("hidden_size", raw.hidden_size.to_string(), expected)
    })?;
    let positions = raw.position_embedding_type.as_deref().unwrap_or("absolute");
    check.that(positions == "absolute", || {
        ("position_embedding_type", format!("`{positions}`"), "`absolute`".to_owned())
    })?;
    let hidden_act = match raw.hidden_act.as_str() {
        "gelu" => HiddenAct::Gelu,
        "gelu_new" | "gelu_pytorch_tanh" => HiddenAct::GeluApproximate,
        "relu" => HiddenAct::Relu,
        found => {
            let expected = "gelu, gelu_new, gelu_pytorch_tanh or relu";
            return Err(check.error("hidden_act", format!("`{found}`"), expected));
        }
    };
    Ok(CandleConfig {
        vocab_size: raw.vocab_size,
        hidden_size: raw.hidden_size,
        num_hidden_layers: raw.num_hidden_layers,
        num_attention_heads: raw.num_attention_heads,
        intermediate_size: raw.intermediate_size,
        hidden_act,
        max_position_embeddings: raw.max_position_embeddings,
        type_vocab_size: raw.type_vocab_size,
        layer_norm_eps: raw.layer_norm_eps,
        pad_token_id: raw.pad_token_id,
        position_embedding_type: PositionEmbeddingType::Absolute,
        model_type: None,
        ..CandleConfig::default()
    })
}

/// Refuses steps beyond transformer, pooling and normalising, such as a dense layer.
fn check_modules(modules: &[Module], folder: &CheckpointFolder) -> Result<(), ModelError> {
    let known = ["Transformer", "Pooling", "Normalize"];
    let is_known = |module: &Module| known.iter().any(|known| module.kind.ends_with(known));
    match modules.iter().find(|module| !is_known(module)) {
        None => Ok(()),
        Some(module) => {
            let check = FieldCheck::new(folder.path().join(MODULES));
            let expected = "Transformer, Pooling or Normalize of sentence_transformers.models";
            Err(check.error("type", format!("`{}`", module.kind), expected))
        }
    }
}

/// The mean where no step is named, as sentence-transformers has it.
fn pooling(modules: &[Module], folder: &CheckpointFolder) -> Result<Pooling, ModelError> {
    let raw = match modules.iter().any(|module| module.kind.ends_with("Pooling")) {
        true => Some(folder.required_json(POOLING, "how the tokens become one vector")?),
        false => folder.optional_json::<RawPooling>(POOLING)?,
    };
    let Some(raw) = raw else { return Ok(Pooling::Mean) };
    let others = raw.pooling_mode_mean_sqrt_len_tokens
        || raw.pooling_mode_weightedmean_tokens
        || raw.pooling_mode_lasttoken;
    let modes = [
        (raw.pooling_mode_mean_tokens, Pooling::Mean),
        (raw.pooling_mode_cls_token, Pooling::First),
        (raw.pooling_mode_max_tokens, Pooling::Largest),
    ];
    let chosen: Vec<Pooling> =
        modes.into_iter().filter(|(is_on, _)| *is_on).map(|(_, mode)| mode).collect();
    match chosen[..] {
        [mode] if !others => Ok(mode),
        _ => {
            let path: PathBuf = folder.path().join(POOLING);
            let found = format!("{} modes, or others", chosen.len());
            let expected = "one of pooling_mode_mean_tokens, pooling_mode_cls_token and \
                            pooling_mode_max_tokens";
            Err(FieldCheck::new(path).error("the pooling mode", found, expected))
        }
    }
}
