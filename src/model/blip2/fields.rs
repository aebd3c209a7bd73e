//! The fields of BLIP-2's and InstructBLIP's files: huggingface/transformers v4.57.3 and v5.24.0
//! `models/blip_2/`, `models/instructblip/`, `models/opt/`, `models/t5/`, `models/llama/`,
//! `models/blip/image_processing_blip.py`, `models/bert/tokenization_bert_fast.py`.

use super::{config, image_config, text_config};
use crate::model::field_table::Group::{Inert, Only, Told};
use crate::model::field_table::Reason::{Bookkeeping, Output, Repeated, Training};
use crate::model::field_table::{Group, Only as OnlyField, Section, common, only};
use crate::model::{generation, llama_config, tokenizer_config, word_pieces};

const OUTER: &[Group] = &[Inert(
    Repeated,
    &[
        "use_decoder_only_language_model",
        "tie_word_embeddings",
        "hidden_size",
        "vocab_size",
        "image_text_hidden_size",
    ],
)];

const VISION: &[Group] = &[
    Inert(Training, &["hidden_dropout_prob", "attention_probs_dropout_prob", "drop_path_rate"]),
    Inert(Repeated, &["projection_dim"]),
    Only(&[only("num_channels", &["3"])]),
];

const QFORMER: &[Group] = &[
    Inert(Training, &["hidden_dropout_prob", "attention_probs_dropout_prob", "classifier_dropout"]),
    Inert(Repeated, &["encoder_hidden_size", "type_vocab_size"]),
];

const OPT: &[Group] = &[Inert(Training, &["layerdrop", "init_std", "activation_dropout"])];

const T5: &[Group] = &[
    Inert(Training, &["dropout_rate", "classifier_dropout"]),
    Inert(
        Repeated,
        &["n_positions", "output_past", "hidden_size", "num_hidden_layers", "num_attention_heads"],
    ),
];

const IMAGES: &[Group] = &[
    Only(&[
        OnlyField {
            field: "image_processor_type",
            values: &[
                "\"BlipImageProcessor\"",
                "\"BlipImageProcessorFast\"",
                "\"BlipImageProcessorPil\"",
            ],
            why: "pictures are prepared as these do it",
        },
        only("do_center_crop", &["false"]),
        only("crop_size", &["null"]),
        only("do_pad", &["false"]),
    ]),
    Inert(Bookkeeping, &["feature_extractor_type"]),
];

const TOKENIZER: &[Group] = &[
    Only(&[only("add_prefix_space", &["false", "true"])]),
    Inert(Repeated, &["image_token", "qformer_tokenizer_class"]),
];

const QFORMER_TOKENIZER: &[Group] = &[
    Inert(Repeated, &["extra_special_tokens", "additional_special_tokens"]),
    // Nothing is decoded with it.
    Inert(Output, &["do_basic_tokenize", "clean_up_tokenization_spaces", "never_split"]),
];

/// transformers generates with the inner language model, which never sees the file.
const NOT_APPLIED: &str = "not applied: the reference generates with the inner language model, which \
                           text_config alone configures";

const GENERATION: &[Group] = &[Told(
    NOT_APPLIED,
    &[
        ("repetition_penalty", "1.0"),
        ("no_repeat_ngram_size", "0"),
        ("bad_words_ids", "null"),
        ("suppress_tokens", "null"),
        ("begin_suppress_tokens", "null"),
        ("min_new_tokens", "null"),
    ],
)];

const fn language(
    model_types: &'static [&'static str],
    read: &'static [fn() -> &'static [&'static str]],
    groups: &'static [&'static [Group]],
) -> Section {
    Section { file: "config.json", path: &["text_config"], model_types, read, groups }
}

const fn pictures(file: &'static str, path: &'static [&'static str]) -> Section {
    Section {
        file,
        path,
        model_types: &[],
        read: image_config::READ,
        groups: &[common::PICTURES, IMAGES],
    }
}

/// All of them; BLIP-2 has no tokenizer of a Q-Former.
pub(in crate::model) const SECTIONS: &[Section] = &[
    Section {
        file: "config.json",
        path: &[],
        model_types: &[],
        read: config::READ_OUTER,
        groups: &[common::CONFIG, common::GENERATION_IN_CONFIG, OUTER],
    },
    Section {
        file: "config.json",
        path: &["vision_config"],
        model_types: &[],
        read: config::READ_VISION,
        groups: &[common::CONFIG, common::GENERATION_IN_CONFIG, VISION],
    },
    Section {
        file: "config.json",
        path: &["qformer_config"],
        model_types: &[],
        read: config::READ_QFORMER,
        groups: &[common::CONFIG, common::GENERATION_IN_CONFIG, QFORMER],
    },
    language(
        &["opt"],
        text_config::READ_OPT,
        &[common::CONFIG, common::GENERATION_IN_CONFIG, common::FOREIGN_LANGUAGE, OPT],
    ),
    language(
        &["t5"],
        text_config::READ_T5,
        &[common::CONFIG, common::GENERATION_IN_CONFIG, common::FOREIGN_LANGUAGE, T5],
    ),
    language(
        &["llama"],
        llama_config::READ,
        &[common::CONFIG, common::GENERATION_IN_CONFIG, common::FOREIGN_LANGUAGE],
    ),
    pictures("preprocessor_config.json", &[]),
    Section {
        file: "processor_config.json",
        path: &[],
        model_types: &[],
        read: &[super::processor::READ],
        groups: &[common::PROCESSOR],
    },
    pictures("processor_config.json", &["image_processor"]),
    Section {
        file: "tokenizer_config.json",
        path: &[],
        model_types: &[],
        read: &[tokenizer_config::names, super::answer::READ],
        groups: &[common::TOKENIZER, TOKENIZER],
    },
    Section {
        file: "qformer_tokenizer/tokenizer_config.json",
        path: &[],
        model_types: &[],
        read: word_pieces::READ,
        groups: &[common::TOKENIZER, QFORMER_TOKENIZER],
    },
    Section {
        file: generation::NAME,
        path: &[],
        model_types: &[],
        read: &[stop_tokens],
        groups: &[GENERATION, common::GENERATION],
    },
];

fn stop_tokens() -> &'static [&'static str] {
    &["eos_token_id"]
}
