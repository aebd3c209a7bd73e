//! `--rules`: whose rules a task of `eyechart score` follows, and which tasks have which.

use clap::ValueEnum;
use thiserror::Error;

use super::ChoiceRules;
use crate::score::document::{AnlsRules, RelaxedRules};
use crate::score::exact_match::ExactMatchRules;
use crate::score::vqa::VqaRules;
use crate::score::yes_no::PopeRules;

/// Whose rules.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(super) enum Reference {
    Official,
    LmmsEval,
    Vlmevalkit,
    Pix2struct,
    Mmf,
}

/// A task does not have these rules.
#[derive(Debug, Error)]
#[error("{task} has no rules `{name}`; see `eyechart score {task} --help`", name = rules.name())]
pub(super) struct RulesError {
    task: &'static str,
    rules: Reference,
}

impl Reference {
    /// As on the command line.
    fn name(self) -> String {
        self.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default()
    }

    pub(super) fn vqa(self) -> Result<VqaRules, RulesError> {
        match self {
            Self::Official => Ok(VqaRules::Official),
            Self::LmmsEval => Ok(VqaRules::LmmsEval),
            Self::Vlmevalkit => Ok(VqaRules::VlmEvalKit),
            _ => Err(RulesError { task: "vqa", rules: self }),
        }
    }

    pub(super) fn textvqa(self) -> Result<VqaRules, RulesError> {
        match self {
            Self::Official | Self::Mmf => Ok(VqaRules::TextVqa),
            Self::LmmsEval => Ok(VqaRules::TextVqaLmmsEval),
            Self::Vlmevalkit => Ok(VqaRules::VlmEvalKit),
            Self::Pix2struct => Err(RulesError { task: "textvqa", rules: self }),
        }
    }

    pub(super) fn anls(self) -> AnlsRules {
        match self {
            Self::Official | Self::LmmsEval | Self::Vlmevalkit => AnlsRules::Rrc,
            Self::Pix2struct => AnlsRules::Pix2Struct,
            Self::Mmf => AnlsRules::Mmf,
        }
    }

    pub(super) fn relaxed(self) -> Result<RelaxedRules, RulesError> {
        match self {
            Self::Official | Self::Pix2struct | Self::LmmsEval => Ok(RelaxedRules::Pix2Struct),
            Self::Vlmevalkit => Ok(RelaxedRules::VlmEvalKit),
            Self::Mmf => Err(RulesError { task: "chartqa", rules: self }),
        }
    }

    pub(super) fn exact_match(self) -> Result<ExactMatchRules, RulesError> {
        match self {
            Self::Official => Ok(ExactMatchRules::Strict),
            Self::LmmsEval => Ok(ExactMatchRules::LmmsEval),
            Self::Vlmevalkit => Ok(ExactMatchRules::VlmEvalKit),
            _ => Err(RulesError { task: "exact-match", rules: self }),
        }
    }

    pub(super) fn pope(self) -> Result<PopeRules, RulesError> {
        match self {
            Self::Official => Ok(PopeRules::Official),
            Self::LmmsEval => Ok(PopeRules::LmmsEval),
            _ => Err(RulesError { task: "pope", rules: self }),
        }
    }

    pub(super) fn blink(self) -> Result<ChoiceRules, RulesError> {
        match self {
            Self::Official => Ok(ChoiceRules::Blink),
            Self::LmmsEval => Ok(ChoiceRules::BlinkLmmsEval),
            _ => Err(RulesError { task: "blink", rules: self }),
        }
    }

    pub(super) fn muirbench(self) -> Result<ChoiceRules, RulesError> {
        match self {
            Self::Official => Ok(ChoiceRules::MuirBench),
            Self::LmmsEval => Ok(ChoiceRules::MuirBenchLmmsEval),
            _ => Err(RulesError { task: "muirbench", rules: self }),
        }
    }
}
