/*!
Scores ready to be shown: an aggregate and one row for each item.

Owns the two output forms, JSON and text; must not know where the numbers come from.
*/

use std::fmt::Write as _;
use std::io;

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use super::ItemId;
use crate::foreign::JsonStrings;

/// One value of the aggregate.
#[derive(Debug, Clone, PartialEq)]
pub enum AggregateValue {
    /// A figure.
    Number(f64),
    /// Figures in a fixed order.
    List(Vec<f64>),
    /// Figures by name (by type of question).
    Table(Vec<(String, f64)>),
}

/// The scores of a set of results.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScoreTable {
    aggregate: Vec<(String, AggregateValue)>,
    columns: Vec<&'static str>,
    ids: Vec<ItemId>,
    /// One row of `columns` after the other.
    values: Vec<f64>,
}

impl ScoreTable {
    /// A table whose items have these columns.
    pub fn new(columns: Vec<&'static str>) -> Self {
        Self { columns, ..Self::default() }
    }

    /// Adds an item; its scores are in the order of the columns.
    pub fn push_item<const N: usize>(&mut self, id: impl Into<ItemId>, scores: [f64; N]) {
        debug_assert_eq!(N, self.columns.len());
        self.ids.push(id.into());
        self.values.extend(scores);
    }

    /// Adds a column to all items; values beyond the number of items are ignored, missing ones NaN.
    pub fn push_column(&mut self, name: &'static str, values: &[f64]) {
        let width = self.columns.len();
        let mut wider = Vec::with_capacity(self.values.len() + self.ids.len());
        for row in 0..self.ids.len() {
            wider.extend_from_slice(&self.values[row * width..(row + 1) * width]);
            wider.push(values.get(row).copied().unwrap_or(f64::NAN));
        }
        self.columns.push(name);
        self.values = wider;
    }

    /// Adds a figure to the aggregate.
    pub fn set(&mut self, name: impl Into<String>, value: f64) {
        self.aggregate.push((name.into(), AggregateValue::Number(value)));
    }

    /// Adds figures to the aggregate.
    pub fn set_value(&mut self, name: impl Into<String>, value: AggregateValue) {
        self.aggregate.push((name.into(), value));
    }

    /// The aggregate, in the order in which it was filled.
    pub fn aggregate(&self) -> &[(String, AggregateValue)] {
        &self.aggregate
    }

    /// Number of items.
    pub fn item_count(&self) -> usize {
        self.ids.len()
    }

    /// Id and named scores of each item.
    pub fn items(
        &self,
    ) -> impl Iterator<Item = (&ItemId, impl Iterator<Item = (&'static str, f64)>)> {
        let rows = self.values.chunks(self.columns.len().max(1));
        let named = |row: &[f64]| -> Vec<(&'static str, f64)> {
            self.columns.iter().copied().zip(row.iter().copied()).collect()
        };
        self.ids.iter().zip(rows).map(move |(id, row)| (id, named(row).into_iter()))
    }

    /// A figure by name; one inside a table is `table.name`.
    pub fn figure(&self, name: &str) -> Option<f64> {
        self.figures().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// All figures that have a name of their own.
    pub fn figures(&self) -> Vec<(String, f64)> {
        let mut figures = Vec::new();
        for (name, value) in &self.aggregate {
            match value {
                AggregateValue::Number(number) => figures.push((name.clone(), *number)),
                AggregateValue::Table(rows) => {
                    figures
                        .extend(rows.iter().map(|(row, value)| (format!("{name}.{row}"), *value)));
                }
                AggregateValue::List(_) => {}
            }
        }
        figures
    }

    /// Writes `{"aggregate": {...}, "items": [...]}`; numbers read back as the same bits, and what is
    /// no number (a mean of nothing) is null.
    pub fn write_json(&self, out: &mut dyn io::Write) -> io::Result<()> {
        self.serialize(&mut serde_json::Serializer::with_formatter(&mut *out, JsonStrings))?;
        writeln!(out)
    }

    /// The aggregate as lines for people.
    pub fn to_text(&self) -> String {
        let figures = self.figures();
        let width = figures.iter().map(|(name, _)| name.chars().count()).max().unwrap_or(0);
        let mut text = String::new();
        for (name, value) in figures {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{name:width$}  {value:>10.4}");
        }
        let _ = writeln!(text, "{:width$}  {:>10}", "items", self.ids.len());
        text
    }
}

impl Serialize for AggregateValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_f64(*number),
            Self::List(numbers) => numbers.serialize(serializer),
            Self::Table(rows) => {
                serializer.collect_map(rows.iter().map(|(name, value)| (name, value)))
            }
        }
    }
}

impl Serialize for ScoreTable {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(2))?;
        map.serialize_entry("aggregate", &Aggregate(&self.aggregate))?;
        map.serialize_entry("items", &Items(self))?;
        map.end()
    }
}

struct Aggregate<'t>(&'t [(String, AggregateValue)]);

impl Serialize for Aggregate<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(name, value)| (name, value)))
    }
}

struct Items<'t>(&'t ScoreTable);

impl Serialize for Items<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let table = self.0;
        let rows = table.values.chunks(table.columns.len().max(1));
        let mut items = serializer.serialize_seq(Some(table.ids.len()))?;
        for (id, row) in table.ids.iter().zip(rows) {
            items.serialize_element(&Item { id, columns: &table.columns, row })?;
        }
        items.end()
    }
}

struct Item<'t> {
    id: &'t ItemId,
    columns: &'t [&'static str],
    row: &'t [f64],
}

impl Serialize for Item<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.columns.len() + 1))?;
        map.serialize_entry("id", self.id)?;
        for (name, value) in self.columns.iter().zip(self.row) {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}
