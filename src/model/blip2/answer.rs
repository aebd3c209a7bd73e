/*!
From an answer's ids to its text, as transformers' `batch_decode(.., skip_special_tokens=True)` with
`strip()` behind it, which is how the model cards and LAVIS read answers.
*/

use serde::Deserialize;

use crate::model::ModelError;
use crate::model::field_table::names_of;
use crate::weights::CheckpointFolder;

/// `clean_up_tokenization` of huggingface/transformers v4.57.3 `tokenization_utils_base.py`, in its
/// order.
const CLEANED: [(&str, &str); 10] = [
    (" .", "."),
    (" ?", "?"),
    (" !", "!"),
    (" ,", ","),
    (" ' ", "'"),
    (" n't", "n't"),
    (" 'm", "'m"),
    (" 's", "'s"),
    (" 've", "'ve"),
    (" 're", "'re"),
];

/// What happens to spaces before punctuation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Spaces {
    /// They stay.
    Kept,
    /// They go.
    CleanedUp,
}

/// The fields that are read here.
pub(super) const READ: fn() -> &'static [&'static str] = names_of::<TokenizerConfig>;

#[derive(Deserialize, Default)]
#[serde(default)]
struct TokenizerConfig {
    clean_up_tokenization_spaces: bool,
}

impl Spaces {
    /// What `tokenizer_config.json` says; they stay if it says nothing.
    pub(super) fn load(folder: &CheckpointFolder) -> Result<Self, ModelError> {
        let config: Option<TokenizerConfig> = folder.optional_json("tokenizer_config.json")?;
        match config.unwrap_or_default().clean_up_tokenization_spaces {
            true => Ok(Self::CleanedUp),
            false => Ok(Self::Kept),
        }
    }

    /// The decoded text as an answer.
    pub(super) fn tidy(self, decoded: &str) -> String {
        let text = match self {
            Self::Kept => decoded.to_owned(),
            Self::CleanedUp => CLEANED
                .iter()
                .fold(decoded.to_owned(), |text, (found, instead)| text.replace(found, instead)),
        };
        text.trim().to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values of `PreTrainedTokenizerBase.clean_up_tokenization(..).strip()`.
    #[test]
    fn spaces_before_punctuation_go_if_the_file_says_so() {
        let decoded = " it 's a dog , is n't it ? \n";
        assert_eq!(Spaces::CleanedUp.tidy(decoded), "it's a dog, isn't it?");
        assert_eq!(Spaces::Kept.tidy(decoded), "it 's a dog , is n't it ?");
    }
}
