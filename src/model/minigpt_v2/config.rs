/*!
`config.json` of MiniGPT-v2, which we define because nobody publishes one: where the three parts are,
and the settings that the reference has in its own configuration
(Vision-CAIR/MiniGPT-4 `minigpt4/configs/models/minigpt_v2.yaml`, `minigpt4/models/eva_vit.py`).
*/

use std::path::PathBuf;

use serde::Deserialize;

use crate::model::ModelError;
use crate::model::field_table::names_of;
use crate::model::fields::FieldCheck;
use crate::model::llama_config::RawLlama;
use crate::model::saved_by::SavedBy;
use crate::nn::eva_vit::{EvaVitConfig, QkvBias};
use crate::nn::{Activation, LlamaConfig, PatchSizes};
use crate::weights::CheckpointFolder;

const NAME: &str = "config.json";

/// Neighbouring patches that become one token (`view(bs, int(pn / 4), int(hs * 4))`).
pub(super) const JOINED_PATCHES: usize = 4;

/// EVA's norms; not in a file.
const VIT_EPS: f64 = 1e-6;

/// Where the parts are, and their sizes, checked.
#[derive(Debug, Clone)]
pub struct Config {
    /// The language model's checkpoint.
    pub llama: CheckpointFolder,
    /// The language model's sizes.
    pub text: LlamaConfig,
    /// `eva_vit_g.pth`.
    pub vit_file: PathBuf,
    /// The tower's sizes.
    pub vit: EvaVitConfig,
    /// The file of what was trained: the linear map and the low-rank changes.
    pub trained_file: PathBuf,
    /// Rank of the changes.
    pub lora_rank: usize,
    /// The changes are multiplied by this over their rank.
    pub lora_alpha: f64,
    /// How the prompt begins.
    pub prompt_bos: PromptBos,
}

/// How many BOS tokens the prompt begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PromptBos {
    /// The one that the prompt's text has, as in training.
    Written,
    /// That one behind the tokenizer's own, as in the reference's evaluation.
    WrittenAndAdded,
}

impl Config {
    /// Reads and checks `config.json`, and the language model's.
    pub fn load(folder: &CheckpointFolder) -> Result<Self, ModelError> {
        let raw: RawConfig = folder.required_json(NAME, "it says where the three parts are")?;
        let parts = Parts { folder, check: FieldCheck::new(folder.path().join(NAME)) };
        let llama = parts.folder_of("llama_model", raw.llama_model.as_deref())?;
        let text: RawLlama = llama.required_json(NAME, "the language model's configuration")?;
        let saved_by = SavedBy::of(&llama)?;
        let text = text.checked(&["llama"], saved_by, &FieldCheck::new(llama.path().join(NAME)))?;
        check_lora(&raw, &parts.check)?;
        check_adapter_file(&raw, folder)?;
        Ok(Self {
            text,
            llama,
            vit_file: parts.file_of("vit_model", raw.vit_model.as_deref())?,
            vit: raw.vit_config.checked(raw.image_size, &parts.check.under("vit_config"))?,
            trained_file: parts.file_of("ckpt", raw.ckpt.as_deref())?,
            lora_rank: raw.lora_r,
            lora_alpha: raw.lora_alpha,
            prompt_bos: prompt_bos(raw.prompt_bos, &parts.check)?,
        })
    }

    /// Tokens that stand for a picture in the prompt.
    pub fn visual_tokens(&self) -> usize {
        self.vit.sizes.patches() / JOINED_PATCHES
    }
}

/// The fields of the file that are read.
pub(super) const READ_OWN: &[fn() -> &'static [&'static str]] = &[names_of::<RawConfig>];
/// Those of `vit_config`.
pub(super) const READ_VIT: &[fn() -> &'static [&'static str]] = &[names_of::<RawVit>];
/// Those of peft's file.
pub(super) const READ_LORA: &[fn() -> &'static [&'static str]] = &[names_of::<AdapterFile>];

/// What peft would write beside the trained file, as far as `config.json` says it too.
#[derive(Deserialize)]
struct AdapterFile {
    r: Option<usize>,
    lora_alpha: Option<f64>,
}

#[derive(Deserialize)]
#[serde(default)]
struct RawConfig {
    llama_model: Option<String>,
    vit_model: Option<String>,
    ckpt: Option<String>,
    image_size: usize,
    lora_r: usize,
    lora_alpha: f64,
    prompt_bos: usize,
    vit_config: RawVit,
}

impl Default for RawConfig {
    fn default() -> Self {
        Self {
            llama_model: None,
            vit_model: None,
            ckpt: None,
            image_size: 448,
            lora_r: 64,
            lora_alpha: 16.0,
            prompt_bos: 2,
            vit_config: RawVit::default(),
        }
    }
}

/// The tower's sizes; the defaults are those of `create_eva_vit_g`.
#[derive(Deserialize)]
#[serde(default)]
struct RawVit {
    embed_dim: usize,
    depth: usize,
    num_heads: usize,
    mlp_dim: usize,
    patch_size: usize,
    /// The size of the pictures that the file's table of positions was made for.
    stored_image_size: usize,
}

impl Default for RawVit {
    fn default() -> Self {
        Self {
            embed_dim: 1408,
            // The file has 40; the reference leaves the last one out.
            depth: 39,
            num_heads: 16,
            mlp_dim: 6144,
            patch_size: 14,
            stored_image_size: 224,
        }
    }
}

impl RawVit {
    fn checked(&self, image_size: usize, check: &FieldCheck) -> Result<EvaVitConfig, ModelError> {
        check.sizes(&[
            ("embed_dim", self.embed_dim),
            ("depth", self.depth),
            ("num_heads", self.num_heads),
            ("mlp_dim", self.mlp_dim),
            ("patch_size", self.patch_size),
            ("stored_image_size", self.stored_image_size),
        ])?;
        check.that(self.embed_dim.is_multiple_of(self.num_heads), || {
            let expected = format!("a multiple of {} heads", self.num_heads);
            ("embed_dim", self.embed_dim.to_string(), expected)
        })?;
        for (size, name) in
            [(image_size, "image_size"), (self.stored_image_size, "stored_image_size")]
        {
            check.that(
                size.is_multiple_of(self.patch_size) && (1..=1 << 14).contains(&size),
                || {
                    let expected =
                        format!("a part of {name}, which is {size} and at most {}", 1 << 14);
                    ("patch_size", self.patch_size.to_string(), expected)
                },
            )?;
        }
        let sizes = PatchSizes { image_side: image_size, patch_side: self.patch_size };
        let patches = sizes.patches();
        check.that(patches.is_multiple_of(JOINED_PATCHES), || {
            let expected = format!("a number of patches that {JOINED_PATCHES} divides");
            ("patch_size", format!("{}, which makes {patches}", self.patch_size), expected)
        })?;
        Ok(EvaVitConfig {
            depth: self.depth,
            hidden: self.embed_dim,
            intermediate: self.mlp_dim,
            heads: self.num_heads,
            sizes,
            position_side: self.stored_image_size / self.patch_size,
            eps: VIT_EPS,
            activation: Activation::Gelu,
            qkv_bias: QkvBias::Apart,
        })
    }
}

fn check_lora(raw: &RawConfig, check: &FieldCheck) -> Result<(), ModelError> {
    check.sizes(&[("lora_r", raw.lora_r)])?;
    check.that(raw.lora_alpha.is_finite(), || {
        ("lora_alpha", raw.lora_alpha.to_string(), "a number".to_owned())
    })
}

/// Refuses a file of peft that says otherwise.
fn check_adapter_file(raw: &RawConfig, folder: &CheckpointFolder) -> Result<(), ModelError> {
    const ADAPTER: &str = "adapter_config.json";
    let Some(AdapterFile { r, lora_alpha }) = folder.optional_json(ADAPTER)? else {
        return Ok(());
    };
    let check = FieldCheck::new(folder.path().join(ADAPTER));
    let rank = r.unwrap_or(raw.lora_r);
    check.that(rank == raw.lora_r, || {
        ("r", rank.to_string(), format!("{}, lora_r of config.json", raw.lora_r))
    })?;
    let alpha = lora_alpha.unwrap_or(raw.lora_alpha);
    check.that(alpha == raw.lora_alpha, || {
        ("lora_alpha", alpha.to_string(), format!("{}, as in config.json", raw.lora_alpha))
    })
}

fn prompt_bos(number: usize, check: &FieldCheck) -> Result<PromptBos, ModelError> {
    match number {
        1 => Ok(PromptBos::Written),
        2 => Ok(PromptBos::WrittenAndAdded),
        _ => {
            let expected = "2 (as in the reference's evaluation) or 1 (as in its training)";
            Err(check.error("prompt_bos", number.to_string(), expected))
        }
    }
}

/// Finds the parts that the configuration names.
struct Parts<'a> {
    folder: &'a CheckpointFolder,
    check: FieldCheck,
}

impl Parts<'_> {
    fn folder_of(&self, field: &str, name: Option<&str>) -> Result<CheckpointFolder, ModelError> {
        let example = "the folder of Llama-2-7b-chat-hf, such as \
                       \"llama_model\": \"Llama-2-7b-chat-hf\"";
        let path = self.path_of(field, name, example)?;
        match path.join(NAME).is_file() {
            true => Ok(CheckpointFolder::open(&path)?),
            false => Err(self.check.error(field, format!("{}", path.display()), example)),
        }
    }

    fn file_of(&self, field: &str, name: Option<&str>) -> Result<PathBuf, ModelError> {
        let example = match field {
            "ckpt" => {
                "the file of what was trained, such as \"ckpt\": \"minigptv2_checkpoint.pth\""
            }
            _ => "the vision tower's file, such as \"vit_model\": \"eva_vit_g.pth\"",
        };
        let path = self.path_of(field, name, example)?;
        match path.is_file() {
            true => Ok(path),
            false => Err(self.check.error(field, format!("{}", path.display()), example)),
        }
    }

    /// The path from the folder, or the absolute one.
    fn path_of(
        &self,
        field: &str,
        name: Option<&str>,
        example: &str,
    ) -> Result<PathBuf, ModelError> {
        let name = name.ok_or_else(|| self.check.error(field, "missing".to_owned(), example))?;
        Ok(self.folder.path().join(name))
    }
}
