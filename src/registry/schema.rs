//! `eyechart.ron` as it is written: serde only, no logic, unknown fields refused.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// The whole file.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Registry")]
pub(super) struct RegistryFile {
    pub(super) models: OrderedModels,
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
    pub(super) revision: Option<String>,
    #[serde(default)]
    pub(super) dtype: Option<super::Precision>,
}

/// What an hour of each device costs.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename = "Price")]
pub(super) struct PriceFile {
    pub(super) currency: String,
    pub(super) devices: BTreeMap<String, f64>,
}

/// A map that keeps the order of the file (reports list models as the user did) and its repeats
/// (so that they can be refused).
#[derive(Debug)]
pub(super) struct OrderedModels(pub(super) Vec<(String, ModelFile)>);

impl<'de> Deserialize<'de> for OrderedModels {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(OrderedModelsVisitor)
    }
}

struct OrderedModelsVisitor;

impl<'de> Visitor<'de> for OrderedModelsVisitor {
    type Value = OrderedModels;

    fn expecting(&self, formatter: &mut fmt::Formatter) -> fmt::Result {
        formatter.write_str("a map of model names to entries, {\"name\": (dir: \"folder\")}")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry()? {
            entries.push(entry);
        }
        Ok(OrderedModels(entries))
    }
}
