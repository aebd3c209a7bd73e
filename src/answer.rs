/*!
What a model gave back: text, token ids, why it stopped, and what it took.

Plain data that the decode loop fills in, the journal keeps and reports show. It says nothing
about whether the answer is right.
*/

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::geometry::PixelSize;
use crate::image::{Orientation, Viewing};

/// Why a generation ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The model produced a stop token.
    Stop,
    /// The limit of new tokens was reached: the text may be cut off.
    Length,
}

/// A kind of device: on two of one class the same program computes the same way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceClass {
    /// A processor.
    Cpu,
    /// A GPU of NVIDIA's.
    Cuda,
    /// A GPU of Apple's.
    Metal,
}

impl DeviceClass {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Cpu, Self::Cuda, Self::Metal];

    /// Its name, with which the names of its devices begin.
    pub fn label(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Cuda => "cuda",
            Self::Metal => "metal",
        }
    }

    /// The class of a device by its name in records, such as `cuda:0`.
    pub fn of_device(device: &str) -> Option<Self> {
        let (class, _) = device.split_once(':').unwrap_or((device, ""));
        Self::ALL.into_iter().find(|one| one.label() == class)
    }
}

/// Wall time of each stage of one trial; written as seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Timings {
    /// Reading and decoding the image files.
    #[serde(with = "seconds")]
    pub image_decoding: Duration,
    /// Resizing, normalising, rendering the prompt and tokenising.
    #[serde(with = "seconds")]
    pub preprocessing: Duration,
    /// The vision tower and its connector.
    #[serde(with = "seconds")]
    pub vision_encoding: Duration,
    /// The prompt through the language model, up to the first token's logits.
    #[serde(with = "seconds")]
    pub prefill: Duration,
    /// All decode steps after the first token.
    #[serde(with = "seconds")]
    pub decoding: Duration,
}

impl Timings {
    /// The whole trial.
    pub fn total(&self) -> Duration {
        self.image_decoding
            + self.preprocessing
            + self.vision_encoding
            + self.prefill
            + self.decoding
    }
}

/// What the model really got, so that a change of template or preprocessing shows.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct ModelInput {
    /// The prompt as rendered by the family's template, with each image's placeholder once.
    pub rendered_prompt: String,
    /// Number of prompt tokens, visual tokens included.
    pub prompt_tokens: usize,
    /// Of these, the tokens that stand for images.
    pub visual_tokens: usize,
    /// The prompt's token ids, each image's placeholder as often as it stands for a token.
    #[serde(default)]
    pub token_ids: Vec<u32>,
    /// The prompt in the tokens of a connector that reads it too; empty for most families.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connector_ids: Vec<u32>,
    /// The request's images.
    #[serde(default)]
    pub images: Vec<SeenImage>,
}

/// One image as the vision tower got it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SeenImage {
    /// Its size as decoded, and turned if it was.
    pub original: PixelSize,
    /// What its file says of turning it, and what was done; none if it says nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub orientation: Option<SeenOrientation>,
    /// Its size as the tower saw it.
    pub resized: PixelSize,
    /// Tokens that stand for it.
    pub visual_tokens: usize,
    /// Shape of the tensor of pixel values.
    pub pixels_shape: Vec<usize>,
    /// CRC-32 of the pixel values, f32 and little-endian, row by row. The same on every machine:
    /// decoding and resizing are exact, and normalising is plain arithmetic on the CPU.
    pub pixels_crc32: u32,
}

/// What was done about an orientation other than the stored one; EXIF's value, 2 to 8.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SeenOrientation {
    /// The picture was turned as its file says.
    Turned(Orientation),
    /// The stored pixels were shown.
    Stored(Orientation),
}

impl SeenOrientation {
    /// What is done about an orientation in a picture that is viewed so.
    pub fn of(orientation: Orientation, viewing: Viewing) -> Self {
        match viewing {
            Viewing::Upright => Self::Turned(orientation),
            Viewing::Stored => Self::Stored(orientation),
        }
    }
}

/// One generated answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Answer {
    /// The decoded text, special tokens left out, nothing trimmed.
    pub text: String,
    /// The generated ids, the stop token included if one was produced.
    pub token_ids: Vec<u32>,
    /// For each generated id, how far its logit was ahead of the runner-up's
    /// (before penalties; negative when sampling or beam search chose another than the most
    /// likely).
    pub margins: Vec<f32>,
    /// For each generated id, that runner-up: of all other tokens the one with the largest logit.
    #[serde(default)]
    pub runners_up: Vec<u32>,
    /// What beam search ranked this answer by: its log probability (after penalties) divided by a
    /// power of its length. None without beam search.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beam_score: Option<f32>,
    /// Why generation ended.
    pub finish: FinishReason,
    /// What the model got.
    pub input: ModelInput,
    /// What it took.
    #[serde(rename = "timings_seconds")]
    pub timings: Timings,
    /// Most memory in use during the trial, in bytes, where the system tells: of the device, or
    /// resident memory of the process on a CPU.
    pub peak_memory_bytes: Option<u64>,
    /// What else went on meanwhile.
    #[serde(default)]
    pub conditions: Conditions,
}

impl Answer {
    /// An answer that ended by itself, of which nothing but the text is known.
    pub fn of_text(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            token_ids: Vec::new(),
            margins: Vec::new(),
            runners_up: Vec::new(),
            beam_score: None,
            finish: FinishReason::Stop,
            input: ModelInput::default(),
            timings: Timings::default(),
            peak_memory_bytes: None,
            conditions: Conditions::default(),
        }
    }
}

/// What went on beside a trial, so that its times and its memory are read right.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Conditions {
    /// The trial's part of its time: what was done for several trials at once is divided among
    /// them. [`Timings`] has the whole of it, as the trial saw it.
    #[serde(rename = "own_seconds", with = "seconds")]
    pub own_time: Duration,
    /// Pictures that had been prepared for an earlier trial; they cost this one nothing.
    pub reused_images: usize,
    /// Most trials that were decoded together at a time, itself included.
    pub largest_batch: usize,
    /// Memory in use when it ended, in bytes; counted as the peak is.
    pub memory_in_use_bytes: Option<u64>,
    /// When memory ran out, so that it had to start again in a smaller batch.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shortages: Vec<MemoryShortage>,
    /// What asking again, with nobody else in the model, gave; none if it was not done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub self_check: Option<SelfCheck>,
}

/// Whether a request alone is answered as it was among others.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelfCheck {
    /// With the same tokens.
    Same,
    /// With others.
    Differs(OtherAnswer),
}

/// The answer of a request alone, where it is another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct OtherAnswer {
    /// Tokens before the first other one.
    pub shared_tokens: usize,
    /// How far the logit of that place's token was ahead of the runner-up's among others; none if
    /// the answer had ended.
    pub margin: Option<f32>,
    /// The same alone.
    pub margin_alone: Option<f32>,
    /// The text.
    pub text_alone: String,
}

/// Memory of the device ran out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryShortage {
    /// Trials that were in work.
    pub batch: usize,
    /// Most memory in use until then, in bytes, where the system tells.
    pub peak_memory_bytes: Option<u64>,
}

/// Durations as fractional seconds, so that a journal can be read without knowing Rust.
mod seconds {
    use std::time::Duration;

    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Thirty years. Times of files are added up, which must not overflow whatever stands there.
    const MOST: f64 = 1e9;

    pub(super) fn serialize<S: Serializer>(
        duration: &Duration,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.serialize_f64(duration.as_secs_f64())
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Duration, D::Error> {
        let seconds = f64::deserialize(deserializer)?;
        match Duration::try_from_secs_f64(seconds) {
            Ok(duration) if seconds <= MOST => Ok(duration),
            _ => Err(D::Error::custom(format!("{seconds} is no time in seconds, 0 to {MOST:e}"))),
        }
    }
}
