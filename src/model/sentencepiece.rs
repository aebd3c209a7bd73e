/*!
`tokenizer.model` of a Llama as the fast tokenizer that transformers would make of it. Some published
folders (`liuhaotian/llava-v1.5-*`) have no `tokenizer.json`.

The file is a protocol buffer (google/sentencepiece `src/sentencepiece_model.proto`), of which only
the pieces and the kind of model are read. The conversion follows huggingface/transformers v4.57.3
`convert_slow_tokenizer.py` (`LlamaConverter`, `generate_merges`).
*/

use std::collections::HashMap;

use serde_json::{Value, json};
use tokenizers::Tokenizer;

/// What stands for a space.
const SPACE: &str = "▁";

/// `TrainerSpec.ModelType` of byte-pair encoding.
const BPE: u64 = 2;

/// Before which pieces of a text, cut at special tokens, a space is put.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PrefixSpace {
    /// Before each: `"legacy": true` of transformers, and all its versions before 4.31.
    EachPiece,
    /// Before the first: `"legacy": false`.
    FirstPiece,
}

/// The tokenizer of the file's content, or what is wrong with it.
pub(super) fn tokenizer(content: &[u8], prefix: PrefixSpace) -> Result<Tokenizer, String> {
    let model = read_model(content).ok_or("not a sentencepiece model")?;
    if model.kind != BPE {
        return Err(format!("sentencepiece model of kind {}, expected {BPE} (BPE)", model.kind));
    }
    if let Some(piece) = model.pieces.iter().find(|piece| piece.kind == PieceKind::UserDefined) {
        return Err(format!("user-defined piece `{}` is not supported", piece.text));
    }
    let json = tokenizer_json(&model.pieces, prefix)?;
    Tokenizer::from_bytes(json.to_string()).map_err(|error| error.to_string())
}

struct Model {
    pieces: Vec<Piece>,
    kind: u64,
}

struct Piece {
    text: String,
    score: f32,
    kind: PieceKind,
}

#[derive(PartialEq, Eq, Clone, Copy)]
enum PieceKind {
    Unknown,
    Control,
    UserDefined,
    Other,
}

fn tokenizer_json(pieces: &[Piece], prefix: PrefixSpace) -> Result<Value, String> {
    let special = |kind| {
        let found = pieces.iter().enumerate().filter(move |(_, piece)| piece.kind == kind);
        found.map(|(id, piece)| (id, piece.text.as_str())).collect::<Vec<_>>()
    };
    let (unknown, control) = (special(PieceKind::Unknown), special(PieceKind::Control));
    let [(unknown_id, unknown)] = unknown[..] else {
        return Err(format!("{} pieces for the unknown, expected 1", unknown.len()));
    };
    let bos = control.iter().find(|(_, text)| *text == "<s>");
    let Some((bos_id, bos)) = bos.copied() else {
        return Err("no piece `<s>`".to_owned());
    };
    let added = control.iter().copied().chain([(unknown_id, unknown)]).map(|(id, text)| {
        json!({"id": id, "content": text, "special": true, "normalized": false,
               "single_word": false, "lstrip": false, "rstrip": false})
    });
    let vocabulary = vocabulary(pieces);
    let (normalizer, pre_tokenizer) = spaces(prefix);
    let start = json!({"SpecialToken": {"id": bos, "type_id": 0}});
    let text = |id| json!({"Sequence": {"id": id, "type_id": 0}});
    Ok(json!({
        "version": "1.0",
        "added_tokens": added.collect::<Vec<_>>(),
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, text("A")],
            "pair": [start, text("A"), start, text("B")],
            "special_tokens": {bos: {"id": bos, "ids": [bos_id], "tokens": [bos]}},
        },
        "decoder": {"type": "Sequence", "decoders": [
            {"type": "Replace", "pattern": {"String": SPACE}, "content": " "},
            {"type": "ByteFallback"},
            {"type": "Fuse"},
            {"type": "Strip", "content": " ", "start": 1, "stop": 0},
        ]},
        "model": {
            "type": "BPE", "unk_token": unknown, "fuse_unk": true, "byte_fallback": true,
            "vocab": vocabulary, "merges": merges(pieces, &vocabulary),
        },
    }))
}

/// Normalizer and pre-tokenizer: how spaces are written.
fn spaces(prefix: PrefixSpace) -> (Value, Value) {
    match prefix {
        PrefixSpace::EachPiece => {
            let prepend = json!({"type": "Prepend", "prepend": SPACE});
            let replace = json!({"type": "Replace", "pattern": {"String": " "}, "content": SPACE});
            (json!({"type": "Sequence", "normalizers": [prepend, replace]}), Value::Null)
        }
        PrefixSpace::FirstPiece => {
            let metaspace = json!({"type": "Metaspace", "replacement": SPACE,
                                   "prepend_scheme": "first", "split": false});
            (Value::Null, metaspace)
        }
    }
}

fn vocabulary(pieces: &[Piece]) -> HashMap<&str, usize> {
    // Of equal pieces the last one counts, as in a Python dictionary.
    pieces.iter().enumerate().map(|(id, piece)| (piece.text.as_str(), id)).collect()
}

/// Each way to put a piece together from two others, the best piece first.
fn merges<'a>(
    pieces: &'a [Piece],
    vocabulary: &HashMap<&'a str, usize>,
) -> Vec<(&'a str, &'a str)> {
    let mut merges = Vec::new();
    for Piece { text, score, .. } in pieces {
        let cuts = text.char_indices().skip(1).map(|(index, _)| text.split_at(index));
        let mut ways: Vec<_> = cuts
            .filter_map(|(left, right)| {
                let ids = (*vocabulary.get(left)?, *vocabulary.get(right)?);
                Some((ids, left, right))
            })
            .collect();
        ways.sort_by_key(|(ids, ..)| *ids);
        merges.extend(ways.into_iter().map(|(_, left, right)| (*score, left, right)));
    }
    let lengths = |left: &str, right: &str| (left.chars().count(), right.chars().count());
    // Stable, as the reference's sort is.
    merges.sort_by(|(score, left, right), (other_score, other_left, other_right)| {
        let by_length = || lengths(other_left, other_right).cmp(&lengths(left, right));
        other_score.total_cmp(score).then_with(by_length)
    });
    merges.into_iter().map(|(_, left, right)| (left, right)).collect()
}

/// `ModelProto`: field 1 are the pieces, field 2 is the trainer's specification.
fn read_model(content: &[u8]) -> Option<Model> {
    // The default of `TrainerSpec.model_type` is unigram.
    let mut model = Model { pieces: Vec::new(), kind: 1 };
    for field in Fields(content) {
        match field? {
            (1, FieldValue::Bytes(piece)) => model.pieces.push(read_piece(piece)?),
            (2, FieldValue::Bytes(trainer)) => model.kind = read_kind(trainer)?.unwrap_or(1),
            _ => {}
        }
    }
    (!model.pieces.is_empty()).then_some(model)
}

/// `SentencePiece`: field 1 is the text, field 2 the score, field 3 the kind.
fn read_piece(content: &[u8]) -> Option<Piece> {
    let mut piece = Piece { text: String::new(), score: 0.0, kind: PieceKind::Other };
    for field in Fields(content) {
        match field? {
            (1, FieldValue::Bytes(text)) => piece.text = String::from_utf8(text.to_vec()).ok()?,
            (2, FieldValue::Fixed32(bits)) => piece.score = f32::from_bits(bits),
            (3, FieldValue::Varint(kind)) => {
                piece.kind = match kind {
                    2 => PieceKind::Unknown,
                    3 => PieceKind::Control,
                    4 => PieceKind::UserDefined,
                    _ => PieceKind::Other,
                }
            }
            _ => {}
        }
    }
    Some(piece)
}

/// `TrainerSpec`: field 3 is the kind of model.
fn read_kind(content: &[u8]) -> Option<Option<u64>> {
    let mut kind = None;
    for field in Fields(content) {
        if let (3, FieldValue::Varint(value)) = field? {
            kind = Some(value);
        }
    }
    Some(kind)
}

/// The fields of a message, in the wire format of protocol buffers; `None` is a broken one.
struct Fields<'a>(&'a [u8]);

enum FieldValue<'a> {
    Varint(u64),
    Fixed32(u32),
    Bytes(&'a [u8]),
    /// Eight bytes, which no field that is read has.
    Fixed64,
}

impl<'a> Iterator for Fields<'a> {
    type Item = Option<(u64, FieldValue<'a>)>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_none() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    fn field(&mut self) -> Option<(u64, FieldValue<'a>)> {
        let key = self.varint()?;
        let value = match key & 7 {
            0 => FieldValue::Varint(self.varint()?),
            1 => {
                self.take(8)?;
                FieldValue::Fixed64
            }
            2 => {
                let length = usize::try_from(self.varint()?).ok()?;
                FieldValue::Bytes(self.take(length)?)
            }
            5 => FieldValue::Fixed32(u32::from_le_bytes(self.take(4)?.try_into().ok()?)),
            _ => return None,
        };
        Some((key >> 3, value))
    }

    fn varint(&mut self) -> Option<u64> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = *self.take(1)?.first()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(value);
            }
        }
        None
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        Some(taken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_model_is_refused() {
        for content in [&b""[..], b"\xff\xff\xff", b"{\"a\": 1}", &[0x0a, 0x7f, 1]] {
            let error = tokenizer(content, PrefixSpace::EachPiece).unwrap_err();
            assert_eq!(error, "not a sentencepiece model");
        }
    }

    /// A unigram model with one piece.
    #[test]
    fn another_kind_of_model_is_refused() {
        let content = [0x0a, 3, 0x0a, 1, b'a'];
        let error = tokenizer(&content, PrefixSpace::EachPiece).unwrap_err();
        assert_eq!(error, "sentencepiece model of kind 1, expected 2 (BPE)");
    }
}
