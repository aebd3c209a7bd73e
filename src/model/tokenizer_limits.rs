/*!
What a `tokenizer.json` may ask for before it is built.

A tokenizer is a program: its steps may make a text longer, its patterns may take exponential time or
grow when they are compiled, and each byte of its vocabulary becomes some hundred bytes of tables. So
the file is gone through once, counting, and without keeping more than the few settings of its steps.
The largest published vocabularies have half of what is let pass here.
*/

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};

/// Most values of the vocabulary (a piece, or a piece, its score and their pair) and of the merges.
const MAX_ENTRIES: usize = 3 << 20;
/// Most bytes of the vocabulary's pieces, and of the merges. XLM-V's million pieces have 8 MiB.
const MAX_TEXT: usize = 16 << 20;
/// The same of a Unigram model, whose pieces become a tree of some 100 bytes a byte.
const MAX_UNIGRAM_TEXT: usize = 2 << 20;
/// Longest piece, in bytes.
const MAX_PIECE: usize = 4096;
/// Most values of added tokens, eight each, and bytes of their texts, which become an automaton.
const MAX_ADDED: usize = 8 << 16;
const MAX_ADDED_TEXT: usize = 1 << 20;
/// Most values of all steps together, and of their texts; a table of characters (T5's has 320 kB)
/// counts apart.
const MAX_SETTINGS: usize = 1 << 12;
const MAX_SETTING: usize = 1 << 12;
const MAX_CHARACTER_MAP: usize = 2 << 20;
/// Longest text that one character may become.
const MAX_CHARACTER: usize = 256;
/// Most times that the replacements of a normaliser may make a text longer, taken together.
const MAX_GROWTH: usize = 64;
/// Longest pattern, and the most that its counted repetitions may multiply to.
const MAX_PATTERN: usize = 2048;
const MAX_REPEATED: usize = 1000;
/// Longest word that is cut into pieces, in characters: the time is quadratic in it. BERT has 100.
const MAX_WORD: u64 = 200;

/// Checks a `tokenizer.json`; the message says what is too much.
pub(super) fn check(text: &[u8]) -> Result<(), String> {
    let mut outline = Outline::default();
    let mut file = serde_json::Deserializer::from_slice(text);
    File(&mut outline).deserialize(&mut file).map_err(|error| error.to_string())?;
    for steps in &outline.steps {
        check_steps(steps)?;
    }
    match growth(&outline.steps) {
        Some(times) if times <= MAX_GROWTH => Ok(()),
        _ => Err(format!("its replacements make a text more than {MAX_GROWTH} times as long")),
    }
}

/// What is kept of the file while it is gone through.
#[derive(Default)]
struct Outline {
    steps: Vec<Value>,
    settings: usize,
}

/// The file as a whole.
struct File<'o>(&'o mut Outline);

impl<'de> DeserializeSeed<'de> for File<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for File<'_> {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a tokenizer")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "added_tokens" => {
                    let most = Most { entries: MAX_ADDED, text: MAX_ADDED_TEXT };
                    let mut count = Count::new("added tokens", most, Keys::Apart);
                    map.next_value_seed(&mut count)?;
                }
                "model" => map.next_value_seed(Model)?,
                "normalizer" | "pre_tokenizer" | "post_processor" | "decoder" => {
                    let steps = map.next_value_seed(Setting(&mut self.0.settings, &key))?;
                    self.0.steps.push(steps);
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// The vocabulary and its merges.
struct Model;

impl<'de> DeserializeSeed<'de> for Model {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Model {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a tokenizer's model")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let most = Most { entries: MAX_ENTRIES, text: MAX_TEXT };
        while let Some(key) = map.next_key::<String>()? {
            match key.as_str() {
                "vocab" => {
                    let mut count = Count::new("vocabulary", most, Keys::Texts);
                    map.next_value_seed(&mut count)?;
                    if count.is_list && count.text > MAX_UNIGRAM_TEXT {
                        let what =
                            format!("a Unigram vocabulary of more than {MAX_UNIGRAM_TEXT} bytes");
                        return Err(A::Error::custom(what));
                    }
                }
                "merges" => map.next_value_seed(&mut Count::new("merges", most, Keys::Texts))?,
                "max_input_chars_per_word" => {
                    if map.next_value::<Value>()?.as_u64().is_some_and(|most| most > MAX_WORD) {
                        let what = format!("max_input_chars_per_word is above {MAX_WORD}");
                        return Err(A::Error::custom(what));
                    }
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }
}

/// What may be counted at most.
#[derive(Clone, Copy)]
struct Most {
    entries: usize,
    text: usize,
}

/// Whether the keys of objects are texts of the tokenizer.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Keys {
    Texts,
    Apart,
}

/// Counts the values below one key and the bytes of their texts.
struct Count {
    what: &'static str,
    most: Most,
    keys: Keys,
    entries: usize,
    text: usize,
    is_list: bool,
}

impl Count {
    fn new(what: &'static str, most: Most, keys: Keys) -> Self {
        Self { what, most, keys, entries: 0, text: 0, is_list: false }
    }

    fn entry<E: Error>(&mut self) -> Result<(), E> {
        self.entries += 1;
        match self.entries > self.most.entries {
            true => {
                Err(E::custom(format!("{} of more than {} values", self.what, self.most.entries)))
            }
            false => Ok(()),
        }
    }

    fn text<E: Error>(&mut self, text: &str) -> Result<(), E> {
        let what = self.what;
        self.text += text.len();
        if text.len() > MAX_PIECE {
            return Err(E::custom(format!("{what} with a text of {} bytes", text.len())));
        }
        match self.text > self.most.text {
            true => Err(E::custom(format!("{what} of more than {} bytes", self.most.text))),
            false => Ok(()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for &mut Count {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for &mut Count {
    type Value = ();

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.what)
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _value: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E: Error>(self, _value: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E: Error>(self, _value: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E: Error>(self, _value: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        self.text(text)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        self.is_list = true;
        while seq.next_element_seed(&mut *self)?.is_some() {
            self.entry()?;
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<std::borrow::Cow<'de, str>>()? {
            if self.keys == Keys::Texts {
                self.text(&key)?;
            }
            self.entry()?;
            map.next_value_seed(&mut *self)?;
        }
        Ok(())
    }
}

/// The settings of one kind of steps, kept; values are counted over all kinds. The key decides how
/// long a text may be.
struct Setting<'s>(&'s mut usize, &'s str);

impl Setting<'_> {
    fn count<E: Error>(&mut self) -> Result<(), E> {
        *self.0 += 1;
        match *self.0 > MAX_SETTINGS {
            true => Err(E::custom(format!("steps of more than {MAX_SETTINGS} settings"))),
            false => Ok(()),
        }
    }
}

impl<'de> DeserializeSeed<'de> for Setting<'_> {
    type Value = Value;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Setting<'_> {
    type Value = Value;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "a setting")
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value, E> {
        let most = if self.1 == CHARACTER_MAP { MAX_CHARACTER_MAP } else { MAX_SETTING };
        match text.len() > most {
            true => Err(E::custom(format!("{} of more than {most} bytes", self.1))),
            false => Ok(text.into()),
        }
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut seq: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = seq.next_element_seed(Setting(&mut *self.0, self.1))? {
            self.count()?;
            values.push(value);
        }
        Ok(values.into())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<Value, A::Error> {
        let mut values = Map::new();
        while let Some(key) = map.next_key::<String>()? {
            self.count()?;
            if key.len() > MAX_SETTING {
                return Err(A::Error::custom("a setting with an absurd name"));
            }
            let value = map.next_value_seed(Setting(&mut *self.0, &key))?;
            values.insert(key, value);
        }
        Ok(values.into())
    }
}

const CHARACTER_MAP: &str = "precompiled_charsmap";

/// Checks the patterns and tables of characters within some steps.
fn check_steps(steps: &Value) -> Result<(), String> {
    match steps {
        Value::Array(steps) => steps.iter().try_for_each(check_steps),
        Value::Object(step) => {
            step.iter().try_for_each(|(key, value)| match (key.as_str(), value) {
                ("Regex", Value::String(pattern)) => check_pattern(pattern),
                (CHARACTER_MAP, Value::String(map)) => check_character_map(map),
                (_, inner) => check_steps(inner),
            })
        }
        _ => Ok(()),
    }
}

/// The most times that all replacements within these steps may make a text longer; none if that is
/// beyond any number.
fn growth(steps: &[Value]) -> Option<usize> {
    steps.iter().try_fold(1_usize, |all, step| {
        let own = match step {
            Value::Array(steps) => growth(steps)?,
            Value::Object(step) => {
                let inner: Vec<Value> =
                    step.values().filter(|value| !value.is_string()).cloned().collect();
                growth(&inner)?.checked_mul(replacement(step))?
            }
            _ => 1,
        };
        all.checked_mul(own)
    })
}

/// How much longer one replacement makes what it replaces.
fn replacement(step: &Map<String, Value>) -> usize {
    let content = step.get("content").and_then(Value::as_str).unwrap_or_default().len();
    let pattern = step.get("pattern");
    let replaced = pattern.and_then(|pattern| pattern.get("String")).and_then(Value::as_str);
    match (pattern, replaced.map(str::len)) {
        (None, _) => 1,
        (Some(_), Some(length @ 1..)) => content.div_ceil(length).max(1),
        // A pattern may match nothing, between any two characters.
        (Some(_), _) => content + 1,
    }
}

/// Refuses patterns whose compiled form or whose time to match is out of proportion: long ones,
/// counted repetitions of counted repetitions, and unbounded ones of unbounded ones.
fn check_pattern(pattern: &str) -> Result<(), String> {
    let refused = |what: &str| {
        let shown: String = pattern.chars().take(60).flat_map(char::escape_debug).collect();
        Err(format!("the pattern `{shown}` {what}"))
    };
    if pattern.len() > MAX_PATTERN {
        return refused(&format!("has more than {MAX_PATTERN} bytes"));
    }
    let mut repeated = 1_usize;
    // Whether there is an unbounded repetition in each open group, and in what stands before.
    let mut groups = vec![false];
    let mut before = false;
    let mut in_brackets = 0_usize;
    let mut rest = pattern.chars();
    while let Some(letter) = rest.next() {
        let was = std::mem::take(&mut before);
        match letter {
            '\\' => drop(rest.next()),
            '[' => in_brackets += 1,
            ']' => in_brackets = in_brackets.saturating_sub(1),
            _ if in_brackets > 0 => {}
            '(' => groups.push(false),
            ')' => {
                before = groups.pop().unwrap_or_default();
                if groups.is_empty() {
                    groups.push(false);
                }
                if before && let Some(outer) = groups.last_mut() {
                    *outer = true;
                }
            }
            '*' | '+' | '{' => {
                let (most, length) = match letter {
                    '{' => match repetition(rest.as_str()) {
                        Some(repetition) => repetition,
                        None => continue,
                    },
                    _ => (None, 0),
                };
                rest = rest.as_str()[length..].chars();
                match most {
                    Some(most) => repeated = repeated.saturating_mul(most.max(1)),
                    // `a++` is possessive, `(a+)+` is not.
                    None if was => return refused("repeats without end what repeats without end"),
                    None => groups.iter_mut().for_each(|group| *group = true),
                }
            }
            _ => {}
        }
    }
    match repeated > MAX_REPEATED {
        true => refused(&format!("repeats its parts more than {MAX_REPEATED} times")),
        false => Ok(()),
    }
}

/// The upper bound of `m,n}`, none if there is none, and its length; none if this is no repetition.
fn repetition(text: &str) -> Option<(Option<usize>, usize)> {
    let inner = &text[..text.find('}')?];
    let (least, most) = inner.split_once(',').unwrap_or((inner, inner));
    let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    if inner.is_empty() || !is_number(least) || !is_number(most) {
        return None;
    }
    let most = (!most.is_empty()).then(|| most.parse().unwrap_or(usize::MAX));
    Some((most, inner.len() + 1))
}

/// Looks for a text out of proportion that a character is replaced by: they stand one after the
/// other, each ended by a zero, behind a table of the length that the first four bytes give
/// (google/sentencepiece v0.2.0 `src/normalizer.cc`, `DecodePrecompiledCharsMap`).
fn check_character_map(map: &str) -> Result<(), String> {
    let damaged = || format!("{CHARACTER_MAP} is damaged");
    let bytes = base64(map).ok_or_else(damaged)?;
    if bytes.is_empty() {
        return Ok(());
    }
    let (length, rest) = bytes.split_first_chunk::<4>().ok_or_else(damaged)?;
    let texts = rest.get(u32::from_le_bytes(*length) as usize..).ok_or_else(damaged)?;
    match texts.split(|byte| *byte == 0).any(|text| text.len() > MAX_CHARACTER) {
        true => {
            Err(format!("{CHARACTER_MAP} makes more than {MAX_CHARACTER} bytes of a character"))
        }
        false => Ok(()),
    }
}

/// The bytes of a text in base 64 (RFC 4648, section 4).
fn base64(text: &str) -> Option<Vec<u8>> {
    let digits = text.trim_end_matches('=').bytes();
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut held, mut bits) = (0_u32, 0);
    for digit in digits {
        let value = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            _ => return None,
        };
        (held, bits) = ((held << 6 | u32::from(value)) & 0xffff, bits + 6);
        if bits >= 8 {
            bits -= 8;
            bytes.push((held >> bits) as u8);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Patterns of published tokenizers: Qwen2, GPT-4o, CLIP, BLOOM, T5, DeepSeek-V3.
    #[test]
    fn published_patterns_pass() {
        for pattern in [
            r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+",
            r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}]*[\p{Ll}\p{Lm}]+(?i:'s|'t)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+",
            r"'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+",
            r" ?[^(\s|[.,!?…。，、।۔،])]+",
            " {2,}",
            r##"[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+|\p{N}{1,3}"##,
            "a++b*+",
        ] {
            assert_eq!(check_pattern(pattern), Ok(()), "{pattern}");
        }
    }

    #[test]
    fn patterns_out_of_proportion_are_refused() {
        for pattern in [
            "(a+)+$",
            "((?:a|b)*c?)*",
            "(a{2,})+",
            "((x*)y)+",
            "((a{100}){100}){100}",
            "a{0,99999}",
            "a{1,32}b{1,32}",
            &"a".repeat(3000),
        ] {
            assert!(check_pattern(pattern).is_err(), "{pattern}");
        }
    }

    #[test]
    fn replacements_multiply() {
        let replace = |pattern: &str, content: &str| serde_json::json!({"type": "Replace", "pattern": {"String": pattern}, "content": content});
        let sequence = |count: usize| {
            let steps = vec![replace("a", "aa"); count];
            vec![serde_json::json!({"type": "Sequence", "normalizers": steps})]
        };
        assert_eq!(growth(&[replace(" ", "\u{2581}")]), Some(3));
        assert_eq!(growth(&[replace("``", "\"")]), Some(1));
        assert_eq!(growth(&sequence(5)), Some(32));
        assert_eq!(growth(&sequence(64)), None);
        let doubling = |count| {
            let normalizer = &sequence(count)[0];
            serde_json::json!({"normalizer": normalizer, "model": {"vocab": {}}}).to_string()
        };
        assert_eq!(check(doubling(6).as_bytes()), Ok(()));
        assert!(check(doubling(7).as_bytes()).unwrap_err().contains("64 times as long"));
    }

    #[test]
    fn a_character_becomes_a_short_text() {
        // RFC 4648, section 10.
        assert_eq!(base64("Zm9vYmE=").unwrap(), b"fooba");
        assert_eq!(base64("Zg==").unwrap(), b"f");
        // A table of no bytes, then "abc" and nothing.
        assert_eq!(check_character_map("AAAAAGFiYwA="), Ok(()));
        // The same with 300 bytes: "AAAA" is three zeros, "YWFh" is "aaa".
        let long = format!("AAAAAGFh{}", "YWFh".repeat(100));
        assert!(check_character_map(&long).unwrap_err().contains("more than 256 bytes"));
        assert!(check_character_map("////").is_err());
    }

    #[test]
    fn each_part_has_its_bound() {
        let message = |file: Value| check(file.to_string().as_bytes()).unwrap_err();
        let long = "x".repeat(5000);
        let refused = [
            (
                serde_json::json!({"model": {"vocab": {long.clone(): 1}}}),
                "vocabulary with a text of",
            ),
            (serde_json::json!({"model": {"merges": [[long, "a"]]}}), "merges with a text of"),
            (serde_json::json!({"normalizer": {"type": "Prepend", "prepend": long}}), "prepend of"),
            (serde_json::json!({"decoder": vec![0; 5000]}), "steps of more than 4096"),
            (serde_json::json!({"added_tokens": vec![0; MAX_ADDED + 1]}), "added tokens of more"),
            (serde_json::json!({"model": {"max_input_chars_per_word": 1000}}), "is above 200"),
            (serde_json::json!({"model": {"vocab": vec!["abc"; 1 << 20]}}), "a Unigram vocabulary"),
        ];
        for (file, expected) in refused {
            let message = message(file);
            assert!(message.contains(expected), "{message}");
        }
    }
}
