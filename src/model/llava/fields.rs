//! The fields of LLaVA-1.5's files in both layouts: huggingface/transformers v4.57.3 and v5.24.0
//! `models/llava/configuration_llava.py`, `models/clip/`, `models/llama/`, and haotian-liu/LLaVA
//! `llava/model/`, `llava/train/train.py`.

use super::{config, image_config};
use crate::model::field_table::Group::{Inert, Only};
use crate::model::field_table::Reason::{Bookkeeping, Repeated, Training};
use crate::model::field_table::{Group, Only as OnlyField, Section, common, only};
use crate::model::{generation, llama_config};

const HUB: &[Group] = &[
    Inert(Training, &["ignore_index"]),
    Inert(Repeated, &["image_seq_length", "vocab_size", "hidden_size"]),
    Only(&[
        only("image_grid_pinpoints", &["null"]),
        only("use_image_newline_parameter", &["false"]),
    ]),
];

const ORIGINAL: &[Group] = &[
    Inert(
        Training,
        &[
            "freeze_mm_mlp_adapter",
            "freeze_mm_vision_resampler",
            "tune_mm_mlp_adapter",
            "tune_mm_vision_resampler",
            "unfreeze_mm_vision_tower",
            "mm_projector_lr",
            "mm_vision_tower_lr",
            "tokenizer_model_max_length",
            "tokenizer_padding_side",
        ],
    ),
    Inert(Repeated, &["mm_hidden_size", "use_mm_proj", "vision_tower", "max_sequence_length"]),
    Only(&[
        only("mm_use_im_patch_token", &["false"]),
        only("mm_patch_merge_type", &["\"flat\""]),
        only("mm_resampler_type", &["null"]),
        only("image_grid_pinpoints", &["null"]),
        only("image_crop_resolution", &["null"]),
        only("image_split_resolution", &["null"]),
        only("s2", &["false"]),
        only("s2_scales", &["null"]),
    ]),
];

/// CLIP's vision tower.
const TOWER: &[Group] = &[Inert(Repeated, &["projection_dim", "vocab_size"])];

/// A whole CLIP, or its tower's fields alone.
const CLIP: &[Group] = &[
    Inert(
        Repeated,
        &["text_config", "text_config_dict", "vision_config", "logit_scale_init_value"],
    ),
    Only(&[OnlyField {
        field: "vision_config_dict",
        values: &["null"],
        why: "in transformers it overrules vision_config; put its fields there",
    }]),
];

const IMAGES: &[Group] = &[
    Only(&[OnlyField {
        field: "image_processor_type",
        values: &[
            "\"CLIPImageProcessor\"",
            "\"CLIPImageProcessorFast\"",
            "\"CLIPImageProcessorPil\"",
            "\"LlavaImageProcessor\"",
            "\"LlavaImageProcessorFast\"",
            "\"LlavaImageProcessorPil\"",
        ],
        why: "pictures are prepared as these do it",
    }]),
    Inert(Bookkeeping, &["feature_extractor_type"]),
];

const TOKENIZER: &[Group] =
    &[Only(&[only("add_prefix_space", &["null", "true"])]), Inert(Repeated, &["image_token"])];

const fn pictures(file: &'static str, path: &'static [&'static str]) -> Section {
    Section {
        file,
        path,
        model_types: &[],
        read: image_config::READ,
        groups: &[common::PICTURES, IMAGES],
    }
}

const PROCESSOR: Section = Section {
    file: "processor_config.json",
    path: &[],
    model_types: &[],
    read: &[],
    groups: &[common::PROCESSOR],
};

const TOKENS: Section = Section {
    file: "tokenizer_config.json",
    path: &[],
    model_types: &[],
    read: common::READ_TOKENIZER,
    groups: &[common::TOKENIZER, common::SPACES, TOKENIZER],
};

const GENERATION: Section = Section {
    file: generation::NAME,
    path: &[],
    model_types: &[],
    read: generation::READ,
    groups: &[common::GENERATION],
};

/// Those of the hub's layout.
pub(in crate::model) const HUB_SECTIONS: &[Section] = &[
    Section {
        file: "config.json",
        path: &[],
        model_types: &[],
        read: config::READ_HUB,
        groups: &[common::CONFIG, common::GENERATION_IN_CONFIG, HUB],
    },
    Section {
        file: "config.json",
        path: &["text_config"],
        model_types: &[],
        read: llama_config::READ,
        groups: &[common::CONFIG, common::GENERATION_IN_CONFIG, common::FOREIGN_LANGUAGE],
    },
    Section {
        file: "config.json",
        path: &["vision_config"],
        model_types: &[],
        read: config::READ_TOWER,
        groups: &[common::CONFIG, common::GENERATION_IN_CONFIG, TOWER],
    },
    pictures("preprocessor_config.json", &[]),
    PROCESSOR,
    pictures("processor_config.json", &["image_processor"]),
    TOKENS,
    GENERATION,
];

/// Those of the original layout, without the tower's.
pub(in crate::model) const ORIGINAL_SECTIONS: &[Section] = &[
    Section {
        file: "config.json",
        path: &[],
        model_types: &[],
        read: config::READ_ORIGINAL,
        groups: &[common::CONFIG, common::GENERATION_IN_CONFIG, common::FOREIGN_LANGUAGE, ORIGINAL],
    },
    TOKENS,
    GENERATION,
];

/// Those of the tower that the original layout has beside it.
pub(in crate::model) const TOWER_SECTIONS: &[Section] = &[
    Section {
        file: "config.json",
        path: &[],
        model_types: &[],
        read: config::READ_TOWER,
        groups: &[common::CONFIG, common::GENERATION_IN_CONFIG, CLIP, TOWER],
    },
    Section {
        file: "config.json",
        path: &["vision_config"],
        model_types: &[],
        read: config::READ_TOWER,
        groups: &[common::CONFIG, common::GENERATION_IN_CONFIG, TOWER],
    },
    pictures("preprocessor_config.json", &[]),
    pictures("processor_config.json", &["image_processor"]),
];
