//! Features and scores of random CLIP and BERT checkpoints, from files to numbers.

use candle_core::Device;
use eyechart::image::{Viewing, decode_file};
use eyechart::opinion::Said;
use eyechart::scorer::{
    ClipScorer, Scorer, SentenceEncoder, clip_scores, nearest_cosine, picture_features,
};
use serde::Deserialize;

use crate::{largest_difference, oracle, read_json};

const TOLERANCE: f32 = 1e-4;

#[derive(Deserialize)]
struct ClipOracle {
    images: Vec<Picture>,
    texts: Vec<Text>,
    scores: Vec<Scored>,
}

#[derive(Deserialize)]
struct Picture {
    file: String,
    features: Vec<f32>,
}

#[derive(Deserialize)]
struct Text {
    text: String,
    ids: Vec<u32>,
    features: Vec<f32>,
}

#[derive(Deserialize)]
struct Scored {
    file: String,
    caption: String,
    references: Vec<String>,
    clip_score: f64,
    ref_clip_score: f64,
}

#[derive(Deserialize)]
struct SentenceOracle {
    sentences: Vec<Sentence>,
    pairs: Vec<Pair>,
}

#[derive(Deserialize)]
struct Sentence {
    text: String,
    embedding: Vec<f32>,
}

#[derive(Deserialize)]
struct Pair {
    text: String,
    references: Vec<String>,
    similarity: f64,
}

fn clip(name: &str) -> ClipScorer {
    match Scorer::load(&oracle(&format!("scorers/{name}")), &Device::Cpu).unwrap() {
        Scorer::Clip(clip) => clip,
        other => panic!("{name} is {}", other.kind()),
    }
}

fn sentences(name: &str) -> SentenceEncoder {
    match Scorer::load(&oracle(&format!("scorers/{name}")), &Device::Cpu).unwrap() {
        Scorer::Sentences(encoder) => encoder,
        other => panic!("{name} is {}", other.kind()),
    }
}

fn near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < f64::from(TOLERANCE), "{what}: {found}, not {expected}");
}

fn check_clip(name: &str) {
    let clip = clip(name);
    let ClipOracle { images, texts, scores } = read_json(&format!("scorers/{name}/oracle.json"));
    assert!(images.len() > 5 && texts.len() > 5 && scores.len() > 3);
    for Picture { file, features } in images {
        let picture = decode_file(&oracle("pictures").join(&file)).unwrap();
        let found = clip.image_features(&picture.pixels).unwrap();
        let difference = largest_difference(&found, &features);
        assert!(difference < TOLERANCE, "{name}, {file}: {difference}");
    }
    for Text { text, ids, features } in texts {
        assert_eq!(clip.text_ids(&text).unwrap(), ids, "{name}, {text:?}");
        let difference = largest_difference(&clip.text_features(&text).unwrap(), &features);
        assert!(difference < TOLERANCE, "{name}, {text:?}: {difference}");
    }
    for expected in scores {
        let file = oracle("pictures").join(&expected.file);
        let picture = picture_features(&clip, &file, Viewing::Upright).unwrap();
        let said = clip_scores(&clip, &picture, &expected.caption, &expected.references).unwrap();
        let Said::ClipScores { clip_score, ref_clip_score: Some(ref_clip_score) } = said else {
            panic!("{said:?}");
        };
        near(clip_score, expected.clip_score, &expected.file);
        near(ref_clip_score, expected.ref_clip_score, &expected.file);
    }
}

fn check_sentences(name: &str) {
    let encoder = sentences(name);
    let oracle: SentenceOracle = read_json(&format!("scorers/{name}/oracle.json"));
    assert!(oracle.sentences.len() > 5 && oracle.pairs.len() > 2);
    // A folder that normalises gives unit vectors; the cosine is the same.
    let unit = |vector: &[f32]| {
        let norm = vector.iter().map(|value| value * value).sum::<f32>().sqrt();
        vector.iter().map(|value| value / norm).collect::<Vec<f32>>()
    };
    for Sentence { text, embedding } in &oracle.sentences {
        let found = encoder.embed(text).unwrap();
        let difference = largest_difference(&unit(&found), &unit(embedding));
        assert!(difference < TOLERANCE, "{name}, {text:?}: {difference}");
    }
    for Pair { text, references, similarity } in &oracle.pairs {
        near(nearest_cosine(&encoder, text, references).unwrap(), *similarity, text);
    }
}

#[test]
fn clip_whose_end_is_the_largest_id() {
    check_clip("clip");
}

#[test]
fn clip_whose_end_has_an_id() {
    check_clip("clip_recent");
}

/// As LAION's checkpoints have it, and with the sections that overrule the others.
#[test]
fn clip_with_plain_gelu() {
    check_clip("clip_gelu");
}

#[test]
fn sentences_pooled_by_the_mean() {
    check_sentences("sentences");
}

#[test]
fn sentences_pooled_by_the_first_token() {
    check_sentences("sentences_first");
}

#[test]
fn a_plain_bert_is_pooled_by_the_mean() {
    check_sentences("plain_bert");
}

/// A copy of a checkpoint folder with one text replaced in one of its files.
fn damaged(name: &str, file: &str, from: &str, to: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    let source = oracle(&format!("scorers/{name}"));
    for entry in std::fs::read_dir(source).unwrap() {
        let entry = entry.unwrap();
        if entry.path().is_file() {
            std::fs::copy(entry.path(), folder.path().join(entry.file_name())).unwrap();
        }
    }
    let path = folder.path().join(file);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{file} has no {from}");
    std::fs::write(&path, text.replacen(from, to, 1)).unwrap();
    let error = match Scorer::load(folder.path(), &Device::Cpu) {
        Ok(scorer) => panic!("{} with {to} loads", scorer.kind()),
        Err(error) => error.to_string(),
    };
    error.replace(&folder.path().display().to_string(), "FOLDER")
}

#[test]
fn what_cannot_be_scored_with_is_refused() {
    let messages = [
        damaged("clip", "config.json", "\"model_type\": \"clip\"", "\"model_type\": \"siglip\""),
        damaged("clip", "config.json", "\"quick_gelu\"", "\"relu\""),
        damaged("clip", "config.json", "\"projection_dim\": 24", "\"projection_dim\": 25"),
        damaged("clip", "preprocessor_config.json", "\"crop_size\": 32", "\"crop_size\": 33"),
        damaged("sentences", "modules.json", "models.Pooling", "models.Dense"),
        // The copy is without the folder of the pooling.
        damaged("sentences", "modules.json", "\"idx\": 0", "\"idx\": 7"),
        damaged("plain_bert", "config.json", "\"absolute\"", "\"relative_key\""),
        damaged("plain_bert", "config.json", "\"relu\"", "\"swish\""),
    ];
    insta::assert_snapshot!(messages.join("\n"));
}
