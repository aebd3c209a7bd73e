/*!
`--min metric=value`: the least that a figure may be.

Must not know which figures there are.
*/

use std::str::FromStr;

use thiserror::Error;

use super::ScoreTable;

/// A figure and the least it may be.
#[derive(Debug, Clone, PartialEq)]
pub struct Gate {
    metric: String,
    least: f64,
}

/// Why a text is no gate.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{text:?} is not of the form metric=value, as in cider_d=0.9")]
pub struct GateError {
    text: String,
}

/// Why a gate is shut.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum GateFailure {
    /// The figure is too small, or is no number.
    #[error("{metric} is {found}, below {least}")]
    Below {
        /// The figure's name.
        metric: String,
        /// What it is.
        found: f64,
        /// What it should be at least.
        least: f64,
    },
    /// There is no such figure.
    #[error("there is no figure {metric:?}; there are: {known}")]
    UnknownMetric {
        /// The name that was asked for.
        metric: String,
        /// The names there are.
        known: String,
    },
}

impl FromStr for Gate {
    type Err = GateError;

    fn from_str(text: &str) -> Result<Self, GateError> {
        let error = || GateError { text: text.to_owned() };
        // A type of question may hold an equals sign; a number may not.
        let (metric, value) = text.rsplit_once('=').ok_or_else(error)?;
        let least: f64 = value.trim().parse().map_err(|_| error())?;
        let metric = metric.trim().to_owned();
        if metric.is_empty() || least.is_nan() { Err(error()) } else { Ok(Self { metric, least }) }
    }
}

impl Gate {
    /// Whether a table passes.
    pub fn check(&self, table: &ScoreTable) -> Result<(), GateFailure> {
        let metric = self.metric.clone();
        match table.figure(&self.metric) {
            Some(found) if found >= self.least => Ok(()),
            Some(found) => Err(GateFailure::Below { metric, found, least: self.least }),
            None => {
                let names: Vec<String> =
                    table.figures().into_iter().map(|(name, _)| name).collect();
                Err(GateFailure::UnknownMetric { metric, known: names.join(", ") })
            }
        }
    }
}
