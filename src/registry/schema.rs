//! `eyechart.ron` as it is written: serde only, no logic, unknown fields refused.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::extract::BoxNotation;
use crate::ordered_map::OrderedMap;

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Registry")]
pub(super) struct RegistryFile {
    pub(super) models: OrderedMap<ModelFile>,
    #[serde(default)]
    pub(super) scorers: Option<OrderedMap<ScorerFile>>,
    #[serde(default)]
    pub(super) default_models: Option<Vec<String>>,
    #[serde(default)]
    pub(super) price_per_hour: Option<PriceFile>,
}

/// One entry of `models`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Model")]
pub(super) struct ModelFile {
    #[serde(default)]
    pub(super) dir: Option<String>,
    #[serde(default)]
    pub(super) hub: Option<String>,
    #[serde(default)]
    pub(super) replay: Option<String>,
    #[serde(default)]
    pub(super) answers_of: Option<String>,
    #[serde(default)]
    pub(super) revision: Option<String>,
    #[serde(default)]
    pub(super) dtype: Option<super::Precision>,
    #[serde(default)]
    pub(super) sha256: Option<OrderedMap<String>>,
    #[serde(default)]
    pub(super) boxes: Option<BoxNotation>,
}

/// One entry of `scorers`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Scorer")]
pub(super) struct ScorerFile {
    #[serde(default)]
    pub(super) dir: Option<String>,
    #[serde(default)]
    pub(super) hub: Option<String>,
    #[serde(default)]
    pub(super) revision: Option<String>,
    #[serde(default)]
    pub(super) sha256: Option<OrderedMap<String>>,
}

/// What an hour of each device costs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Price")]
pub(super) struct PriceFile {
    pub(super) currency: String,
    pub(super) devices: BTreeMap<String, f64>,
}
