//! The RON of a `.dataset.ron`, and nothing else: no defaults, no checks. Unknown fields are
//! refused.

use std::fmt;

use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer};

use super::layout::lmms_lab::HubSet;
use super::layout::mapped::Columns;
use crate::case::{Dimension, GenerationOverrides, Metric, RawPreset, SnapshotPolicy};
use crate::ordered_map::OrderedMap;

#[derive(Debug, Deserialize)]
#[serde(rename = "Dataset", deny_unknown_fields)]
pub(super) struct RawDataset {
    pub(super) source: RawSource,
    pub(super) sample: Option<RawSample>,
    pub(super) prompt: String,
    pub(super) metric: Option<Metric>,
    pub(super) row_min: Option<f64>,
    pub(super) scores: Option<Vec<RawScore>>,
    pub(super) rows: Option<RowTests>,
    pub(super) gate: Option<Vec<RawGate>>,
    pub(super) system: Option<String>,
    pub(super) preset: Option<RawPreset>,
    pub(super) dimension: Option<Dimension>,
    pub(super) models: Option<Vec<String>>,
    pub(super) generation: Option<GenerationOverrides>,
    pub(super) snapshot: Option<SnapshotPolicy>,
    pub(super) tags: Option<Vec<String>>,
    pub(super) ignore: Option<String>,
    pub(super) xfail: Option<OrderedMap<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename = "Source", deny_unknown_fields)]
pub(super) enum RawSource {
    Vqa {
        questions: String,
        annotations: Option<String>,
        images: String,
    },
    CocoCaptions {
        annotations: String,
        images: String,
    },
    Karpathy {
        file: String,
        split: String,
        images: String,
    },
    RefCoco {
        refs: String,
        instances: String,
        split: String,
        images: String,
    },
    TextVqa {
        file: String,
        images: String,
    },
    Gqa {
        questions: String,
        images: String,
    },
    DocVqa {
        file: String,
        images: String,
    },
    ChartQa {
        file: String,
        images: String,
    },
    Pope {
        file: String,
        images: String,
    },
    Mme {
        folder: String,
    },
    VlmEvalKit {
        file: String,
        images: Option<String>,
    },
    Blink {
        file: String,
        images: Option<String>,
    },
    MuirBench {
        file: String,
        images: Option<String>,
    },
    ScienceQa {
        file: String,
        split: Option<String>,
        splits: Option<String>,
        images: Option<String>,
    },
    SeedBench {
        file: String,
        images: String,
    },
    VizWiz {
        file: String,
        images: String,
    },
    LmmsLab {
        set: HubSet,
        files: Vec<String>,
        images: Option<Vec<String>>,
    },
    Parquet {
        files: Vec<String>,
        columns: Columns,
        images: Option<String>,
    },
    Csv {
        file: String,
        columns: Columns,
        images: Option<String>,
    },
    Tsv {
        file: String,
        columns: Columns,
        images: Option<String>,
    },
    Jsonl {
        file: String,
        columns: Columns,
        images: Option<String>,
    },
}

#[derive(Debug, Deserialize)]
#[serde(rename = "Sample", deny_unknown_fields)]
pub(super) enum RawSample {
    First(usize),
    Seeded { count: usize, seed: u64 },
    Ids(Vec<RawId>),
    ByStratum { column: String, count: usize, seed: u64 },
}

/// A score by a network of the registry's scorers.
#[derive(Debug, Deserialize)]
#[serde(rename = "Score")]
pub(super) enum RawScore {
    ClipScore(String),
    Similarity(String),
}

/// Whether a wrong row fails its test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename = "Rows")]
pub enum RowTests {
    /// It fails.
    Judged,
    /// It is recorded for the gates, which judge all rows together.
    Recorded,
}

#[derive(Debug, Deserialize)]
#[serde(rename = "Gate", deny_unknown_fields)]
pub(super) struct RawGate {
    pub(super) metric: Name,
    pub(super) min: f64,
}

/// A name without quotes.
#[derive(Debug)]
pub(super) struct Name(pub(super) String);

impl<'de> Deserialize<'de> for Name {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(NameVisitor)
    }
}

struct NameVisitor;

impl Visitor<'_> for NameVisitor {
    type Value = Name;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name without quotes")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Name, E> {
        Ok(Name(name.to_owned()))
    }
}

/// A row's id as its file has it: a number or a text.
#[derive(Debug)]
pub(super) struct RawId(pub(super) String);

impl<'de> Deserialize<'de> for RawId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(IdVisitor)
    }
}

struct IdVisitor;

impl Visitor<'_> for IdVisitor {
    type Value = RawId;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an id: a whole number, or a text in quotes")
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<RawId, E> {
        Ok(RawId(number.to_string()))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<RawId, E> {
        Ok(RawId(number.to_string()))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<RawId, E> {
        Ok(RawId(text.to_owned()))
    }
}
