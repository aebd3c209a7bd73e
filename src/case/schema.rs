//! The RON that users write, and nothing else: no defaults, no checks. Unknown fields are refused.

use serde::Deserialize;

use super::{Dimension, GenerationOverrides, Metric, Runs, SnapshotPer, SnapshotPolicy};
use crate::image::Viewing;
use crate::opinion::JudgedPictures;
use crate::ordered_map::OrderedMap;
use crate::request::Task;

/// A case file.
#[derive(Debug, Deserialize)]
#[serde(rename = "Case", deny_unknown_fields)]
pub(super) struct RawCase {
    pub(super) images: Vec<String>,
    pub(super) orientation: Option<Viewing>,
    pub(super) prompt: Option<String>,
    pub(super) turns: Option<Vec<RawTurn>>,
    pub(super) system: Option<String>,
    pub(super) preset: Option<RawPreset>,
    pub(super) expect: Option<RawExpectation>,
    pub(super) dimension: Option<Dimension>,
    pub(super) id: Option<String>,
    pub(super) models: Option<Vec<String>>,
    pub(super) generation: Option<GenerationOverrides>,
    pub(super) snapshot: Option<SnapshotPolicy>,
    pub(super) snapshot_per: Option<SnapshotPer>,
    pub(super) allow_near_tie: Option<f32>,
    pub(super) runs: Option<Runs>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) ignore: Option<String>,
    pub(super) xfail: Option<OrderedMap<String>>,
}

/// A `defaults.ron`.
#[derive(Debug, Deserialize)]
#[serde(rename = "Defaults", deny_unknown_fields)]
pub(super) struct RawDefaults {
    pub(super) image_folder: Option<String>,
    pub(super) orientation: Option<Viewing>,
    pub(super) dimension: Option<Dimension>,
    pub(super) system: Option<String>,
    pub(super) preset: Option<RawPreset>,
    pub(super) models: Option<Vec<String>>,
    pub(super) generation: Option<GenerationOverrides>,
    pub(super) snapshot: Option<SnapshotPolicy>,
    pub(super) snapshot_per: Option<SnapshotPer>,
    pub(super) allow_near_tie: Option<f32>,
    pub(super) runs: Option<Runs>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) ignore: Option<String>,
    pub(super) xfail: Option<OrderedMap<String>>,
}

/// A task, or the word that undoes what a folder sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename = "Preset")]
pub(crate) enum RawPreset {
    AsWritten,
    Description,
    ShortAnswer,
    Choice,
    Grounding,
}

impl RawPreset {
    pub(super) fn task(self) -> Option<Task> {
        match self {
            Self::AsWritten => None,
            Self::Description => Some(Task::Description),
            Self::ShortAnswer => Some(Task::ShortAnswer),
            Self::Choice => Some(Task::Choice),
            Self::Grounding => Some(Task::Grounding),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename = "Turn")]
pub(super) enum RawTurn {
    User(String),
    Assistant(String),
}

#[derive(Debug, Deserialize)]
#[serde(rename = "Expectation", deny_unknown_fields)]
pub(super) enum RawExpectation {
    Exact(String),
    AnyOf(Vec<String>),
    Contains(String),
    Regex(String),
    Number {
        value: f64,
        tolerance: Option<f64>,
    },
    YesNo(RawYesNo),
    Choice {
        options: Vec<String>,
        answer: String,
    },
    Facts {
        facts: Vec<RawFact>,
        forbidden: Option<Vec<RawForbidden>>,
        min: Option<f64>,
    },
    Boxes {
        truth: Vec<RawBox>,
        min_iou: Option<f64>,
    },
    Metric {
        name: Metric,
        answers: Vec<String>,
        options: Option<Vec<String>>,
        min: Option<f64>,
    },
    Judge {
        model: String,
        rubric: String,
        min: Option<f64>,
        pictures: Option<JudgedPictures>,
    },
    Preferred {
        model: String,
        rubric: String,
        over: String,
        min: Option<f64>,
        pictures: Option<JudgedPictures>,
    },
    ClipScore {
        scorer: String,
        references: Option<Vec<String>>,
        min: Option<f64>,
    },
    Similarity {
        scorer: String,
        references: Vec<String>,
        min: Option<f64>,
    },
    All(Vec<RawExpectation>),
    Any(Vec<RawExpectation>),
    Not(Box<RawExpectation>),
}

#[derive(Debug, Deserialize)]
#[serde(rename = "YesNo")]
pub(super) enum RawYesNo {
    Yes,
    No,
}

#[derive(Debug, Deserialize)]
#[serde(rename = "Fact", deny_unknown_fields)]
pub(super) struct RawFact {
    pub(super) any: Vec<String>,
    pub(super) partial: Option<Vec<String>>,
    pub(super) weight: Option<f64>,
}

#[derive(Debug, Deserialize)]
#[serde(rename = "Forbidden", deny_unknown_fields)]
pub(super) struct RawForbidden {
    pub(super) any: Vec<String>,
    pub(super) cost: f64,
}

#[derive(Debug, Deserialize)]
#[serde(rename = "Box", deny_unknown_fields)]
pub(super) struct RawBox {
    pub(super) label: String,
    pub(super) xyxy: (f64, f64, f64, f64),
}
