//! The fields of Qwen3-VL's files: huggingface/transformers v4.57.3 and v5.24.0
//! `models/qwen3_vl/configuration_qwen3_vl.py`, `models/qwen3_vl_moe/configuration_qwen3_vl_moe.py`,
//! `models/qwen2_vl/image_processing_qwen2_vl.py`.

use super::{config, image_config};
use crate::model::field_table::Group::{Inert, Only};
use crate::model::field_table::Reason::{Bookkeeping, Output, Repeated, Video};
use crate::model::field_table::{Group, Only as OnlyField, Section, common, only};
use crate::model::generation;

const AXIAL: &[&str] = &[
    r#"{"rope_theta": 10000.0, "rope_type": "axial"}"#,
    r#"{"rope_theta": 10000.0, "rope_type": "default"}"#,
];

const OUTER: &[Group] = &[
    Only(&[only("attention_bias", &["false"])]),
    Inert(Output, &["hidden_size", "vocab_size", "num_hidden_layers"]),
];

const VISION: &[Group] = &[
    Only(&[
        only("rope_parameters", AXIAL),
        only("rope_theta", &["10000.0"]),
        only("fullatt_block_indexes", &["null"]),
        only("window_size", &["null"]),
        only("norm_type", &["null", "\"layer_norm\""]),
    ]),
    Inert(Video, &["tokens_per_second", "temporal_scale"]),
];

const TEXT: &[Group] = &[Only(&[
    only("mlp_bias", &["false"]),
    only("shared_expert_intermediate_size", &["null", "0"]),
    only("n_shared_experts", &["null", "0"]),
])];

const IMAGES: &[Group] = &[
    Only(&[
        OnlyField {
            field: "image_processor_type",
            values: &[
                "\"Qwen2VLImageProcessor\"",
                "\"Qwen2VLImageProcessorFast\"",
                "\"Qwen2VLImageProcessorPil\"",
                "\"Qwen3VLImageProcessor\"",
                "\"Qwen3VLImageProcessorFast\"",
            ],
            why: "pictures are prepared as these do it",
        },
        only("do_center_crop", &["false"]),
        only("crop_size", &["null"]),
        only("do_pad", &["false"]),
    ]),
    Inert(Bookkeeping, &["feature_extractor_type"]),
    Inert(Video, &["max_frames", "min_frames", "fps"]),
];

const TOKENIZER: &[Group] = &[
    Only(&[
        only("add_prefix_space", &["false"]),
        only("add_bos_token", &["false"]),
        only("add_eos_token", &["false"]),
    ]),
    Inert(
        Repeated,
        &["image_token", "video_token", "vision_bos_token", "vision_eos_token", "audio_token"],
    ),
];

/// All of them.
pub(in crate::model) const SECTIONS: &[Section] = &[
    Section {
        file: "config.json",
        path: &[],
        model_types: &[],
        read: config::READ_OUTER,
        groups: &[common::CONFIG, common::GENERATION_IN_CONFIG, common::VIDEO, OUTER],
    },
    Section {
        file: "config.json",
        path: &["text_config"],
        model_types: &[],
        read: config::READ_TEXT,
        groups: &[
            common::CONFIG,
            common::GENERATION_IN_CONFIG,
            common::FOREIGN_LANGUAGE,
            common::VIDEO,
            TEXT,
        ],
    },
    Section {
        file: "config.json",
        path: &["vision_config"],
        model_types: &[],
        read: config::READ_VISION,
        groups: &[common::CONFIG, VISION],
    },
    Section {
        file: "preprocessor_config.json",
        path: &[],
        model_types: &[],
        read: image_config::READ,
        groups: &[common::PICTURES, IMAGES],
    },
    Section {
        file: "processor_config.json",
        path: &[],
        model_types: &[],
        read: &[],
        groups: &[common::PROCESSOR],
    },
    Section {
        file: "processor_config.json",
        path: &["image_processor"],
        model_types: &[],
        read: image_config::READ,
        groups: &[common::PICTURES, IMAGES],
    },
    Section {
        file: "tokenizer_config.json",
        path: &[],
        model_types: &[],
        read: common::READ_TOKENIZER,
        groups: &[common::TOKENIZER, common::SPACES, TOKENIZER],
    },
    Section {
        file: generation::NAME,
        path: &[],
        model_types: &[],
        read: generation::READ,
        groups: &[common::GENERATION],
    },
];
