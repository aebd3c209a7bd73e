//! Weights, tokenizers and templates.

use std::collections::BTreeMap;
use std::path::Path;

use candle_core::{DType, Device};
use eyechart::model::chat_template::ChatTemplate;
use eyechart::model::tokenizer::TextTokenizer;
use eyechart::request::Conversation;
use eyechart::weights::{CheckpointFolder, Weights};

use super::projects::said;
use super::{Target, files, write};

pub(super) const TORCH: Target = Target {
    name: "torch",
    seeds: || files("fixtures/oracle/pickles/*.pth"),
    run: |folder, input| open_weights(&folder.join("x.pth"), input),
};

pub(super) const SAFETENSORS: Target = Target {
    name: "safetensors",
    seeds: || {
        let mut seeds = files("fixtures/oracle/pickles/*.safetensors");
        let header = br#"{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#;
        let length = (header.len() as u64).to_le_bytes();
        seeds.push([&length[..], header, &[0; 8]].concat());
        seeds
    },
    run: |folder, input| open_weights(&folder.join("x.safetensors"), input),
};

pub(super) const INDEX: Target = Target {
    name: "weights_index",
    seeds: || files("fixtures/oracle/**/*.index.json"),
    run: |folder, input| {
        write(&folder.join("model.safetensors.index.json"), input);
        let folder = checkpoint(folder);
        said(folder.weights());
        said(folder.weight_files());
    },
};

pub(super) const TOKENIZER: Target = Target {
    name: "tokenizer",
    seeds: || files("fixtures/oracle/llava/*/tokenizer.json"),
    run: |folder, input| {
        write(&folder.join("tokenizer.json"), input);
        encode(folder, |folder| TextTokenizer::without_stop_tokens(folder, "tokenizer.json"));
    },
};

pub(super) const SENTENCEPIECE: Target = Target {
    name: "sentencepiece",
    seeds: || files("fixtures/oracle/llava/*/tokenizer.model"),
    run: |folder, input| {
        write(&folder.join("tokenizer.model"), input);
        write(&folder.join("generation_config.json"), br#"{"eos_token_id": 2}"#);
        encode(folder, TextTokenizer::load);
    },
};

pub(super) const TEMPLATE: Target = Target {
    name: "chat_template",
    seeds: || {
        let mut seeds = files("tools/**/*.jinja");
        seeds.push(
            b"{% for m in messages %}{{ m.role }}: {{ m.content | tojson }}\n{% endfor %}".to_vec(),
        );
        seeds
    },
    run: |_, input| {
        let Ok(text) = std::str::from_utf8(input) else { return };
        match ChatTemplate::parse(
            Path::new("chat_template.jinja"),
            text.to_owned(),
            BTreeMap::new(),
        ) {
            Ok(template) => said(template.render(&conversation())),
            Err(error) => drop(error.to_string()),
        }
    },
};

fn conversation() -> Conversation {
    Conversation::ask(1, "Which colour is the cup?")
}

fn checkpoint(folder: &Path) -> CheckpointFolder {
    write(&folder.join("config.json"), b"{}");
    CheckpointFolder::open(folder).expect("the folder has a config.json")
}

fn open_weights(path: &Path, input: &[u8]) {
    write(path, input);
    let weights = match Weights::open_file(path) {
        Ok(weights) => weights,
        Err(error) => return drop(error.to_string()),
    };
    let reader = weights.reader(&Device::Cpu, DType::F32);
    let names: Vec<String> = reader.names().take(20).map(str::to_owned).collect();
    for name in names {
        said(reader.tensor(&name, &[2]));
        said(reader.tensor(&name, &[2, 3]));
    }
}

fn encode<E: std::fmt::Display>(
    folder: &Path,
    load: impl Fn(&CheckpointFolder) -> Result<TextTokenizer, E>,
) {
    let folder = checkpoint(folder);
    let tokenizer = match load(&folder) {
        Ok(tokenizer) => tokenizer,
        Err(error) => return drop(error.to_string()),
    };
    match tokenizer.encode("What is in the picture? 图中有什么？ \u{1f600}\n") {
        Ok(ids) => said(tokenizer.decode(&ids)),
        Err(error) => drop(error.to_string()),
    }
}
