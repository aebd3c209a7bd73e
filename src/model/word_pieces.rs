/*!
The tokenizer of a Q-Former, which is BERT's: `tokenizer.json`, or what transformers would make of
`vocab.txt` (huggingface/transformers v4.57.3 `convert_slow_tokenizer.py`, `BertConverter`).
*/

use std::collections::BTreeMap;
use std::path::Path;

use serde::Deserialize;
use serde_json::{Value, json};
use tokenizers::Tokenizer;

use super::ModelError;
use super::field_table::names_of;
use super::fields::FieldCheck;
use super::tokenizer::TextTokenizer;
use super::tokenizer_config::Token;
use crate::weights::CheckpointFolder;

const FAST: &str = "qformer_tokenizer/tokenizer.json";
const VOCABULARY: &str = "qformer_tokenizer/vocab.txt";
const ADDED: &str = "qformer_tokenizer/added_tokens.json";
const SETTINGS: &str = "qformer_tokenizer/tokenizer_config.json";

/// The fields of [`SETTINGS`] that are read.
pub(super) const READ: &[fn() -> &'static [&'static str]] = &[names_of::<Settings>];

/// With the defaults of `models/bert/tokenization_bert_fast.py`.
#[derive(Deserialize)]
#[serde(default)]
struct Settings {
    do_lower_case: bool,
    strip_accents: Option<bool>,
    tokenize_chinese_chars: bool,
    unk_token: Token,
    cls_token: Token,
    sep_token: Token,
    pad_token: Token,
    mask_token: Token,
    bos_token: Option<Token>,
    eos_token: Option<Token>,
    added_tokens_decoder: BTreeMap<String, Token>,
}

impl Default for Settings {
    fn default() -> Self {
        let token = |text: &str| Token::Text(text.to_owned());
        Self {
            do_lower_case: true,
            strip_accents: None,
            tokenize_chinese_chars: true,
            unk_token: token("[UNK]"),
            cls_token: token("[CLS]"),
            sep_token: token("[SEP]"),
            pad_token: token("[PAD]"),
            mask_token: token("[MASK]"),
            bos_token: None,
            eos_token: None,
            added_tokens_decoder: BTreeMap::new(),
        }
    }
}

/// Reads the tokenizer of the checkpoint's Q-Former.
pub(super) fn load(folder: &CheckpointFolder) -> Result<TextTokenizer, ModelError> {
    let settings: Settings = folder.optional_json(SETTINGS)?.unwrap_or_default();
    if folder.optional(FAST).is_some() || folder.optional(VOCABULARY).is_none() {
        check_same_words(folder, &settings)?;
        return TextTokenizer::without_stop_tokens(folder, FAST);
    }
    let words = folder.required_text(VOCABULARY, "the words of the Q-Former's tokenizer")?;
    let added: BTreeMap<String, u32> = folder.optional_json(ADDED)?.unwrap_or_default();
    let path = folder.path().join(VOCABULARY);
    let json = tokenizer_json(&words, &added, &settings, &path)?;
    let parsed = Tokenizer::from_bytes(json.to_string()).map_err(|error| error.to_string());
    TextTokenizer::new(path, parsed)
}

/// transformers lets the settings overrule the file; here they must agree.
fn check_same_words(folder: &CheckpointFolder, settings: &Settings) -> Result<(), ModelError> {
    let fast: Option<Value> = folder.optional_json(FAST)?;
    let given: Value = folder.optional_json(SETTINGS)?.unwrap_or_default();
    let check = FieldCheck::new(folder.path().join(SETTINGS));
    for (field, inner, found) in [
        ("do_lower_case", "lowercase", json!(settings.do_lower_case)),
        ("strip_accents", "strip_accents", json!(settings.strip_accents)),
        ("tokenize_chinese_chars", "handle_chinese_chars", json!(settings.tokenize_chinese_chars)),
    ] {
        let stored = fast.as_ref().and_then(|fast| fast.pointer(&format!("/normalizer/{inner}")));
        let is_given = given.get(field).is_some_and(|value| !value.is_null());
        if let Some(stored) = stored.filter(|stored| is_given && **stored != found) {
            let expected = format!("{stored}, as normalizer.{inner} of {FAST} has it");
            return Err(check.error(field, found.to_string(), expected));
        }
    }
    Ok(())
}

fn tokenizer_json(
    words: &str,
    added: &BTreeMap<String, u32>,
    settings: &Settings,
    path: &Path,
) -> Result<Value, ModelError> {
    let vocabulary: BTreeMap<&str, u32> = words.lines().map(str::trim_end).zip(0..).collect();
    let id = |token: &str| {
        let found = vocabulary.get(token).or_else(|| added.get(token)).copied();
        found.ok_or_else(|| ModelError::Tokenizer {
            path: path.to_owned(),
            message: format!("token `{token}` is missing"),
        })
    };
    let Settings { unk_token, cls_token, sep_token, pad_token, mask_token, .. } = settings;
    let (cls, sep) = (cls_token.text(), sep_token.text());
    let named = [unk_token, cls_token, sep_token, pad_token, mask_token].map(Token::text);
    let mut special: BTreeMap<u32, String> =
        added.iter().map(|(text, id)| (*id, text.clone())).collect();
    for text in named {
        special.insert(id(text)?, text.to_owned());
    }
    for (id, token) in &settings.added_tokens_decoder {
        special.extend(id.parse().ok().map(|id| (id, token.text().to_owned())));
    }
    let added = special.iter().map(|(id, text)| {
        json!({"id": id, "content": text, "special": true, "normalized": false,
               "single_word": false, "lstrip": false, "rstrip": false})
    });
    let [start, end] = [cls, sep].map(|token| json!({"SpecialToken": {"id": token, "type_id": 0}}));
    let text = json!({"Sequence": {"id": "A", "type_id": 0}});
    let token = |token: &str, id: u32| json!({"id": token, "ids": [id], "tokens": [token]});
    Ok(json!({
        "version": "1.0",
        "added_tokens": added.collect::<Vec<_>>(),
        "normalizer": {
            "type": "BertNormalizer", "clean_text": true, "lowercase": settings.do_lower_case,
            "handle_chinese_chars": settings.tokenize_chinese_chars,
            "strip_accents": settings.strip_accents,
        },
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, text, end],
            "pair": [start, text, end],
            "special_tokens": {cls: token(cls, id(cls)?), sep: token(sep, id(sep)?)},
        },
        "decoder": {"type": "WordPiece", "prefix": "##", "cleanup": true},
        "model": {
            "type": "WordPiece", "unk_token": settings.unk_token.text(),
            "continuing_subword_prefix": "##", "max_input_chars_per_word": 100,
            "vocab": vocabulary,
        },
    }))
}
