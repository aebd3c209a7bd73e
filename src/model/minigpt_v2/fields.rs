//! The fields of MiniGPT-v2's own `config.json`, which this crate defines (with those of
//! Vision-CAIR/MiniGPT-4 `minigpt4/configs/models/minigpt_v2.yaml` that may stand there too), and of the
//! Llama that it names.

use super::config;
use crate::model::field_table::Group::{Inert, Only};
use crate::model::field_table::Reason::{Bookkeeping, Output, Training};
use crate::model::field_table::{Group, Section, common, only};
use crate::model::{generation, llama_config};

const OWN: &[Group] = &[
    Inert(Bookkeeping, &["model_type", "arch", "hf_token"]),
    Inert(
        Training,
        &[
            "freeze_vit",
            "freeze_qformer",
            "drop_path_rate",
            "use_grad_checkpoint",
            "max_txt_len",
            "max_context_len",
            "lora_dropout",
            "chat_template",
            "use_grad_checkpoint_llm",
            "end_sym",
        ],
    ),
    Inert(Output, &["low_resource", "device_8bit", "vit_precision"]),
    Only(&[
        only("lora_target_modules", &[r#"["q_proj", "v_proj"]"#, r#"["v_proj", "q_proj"]"#]),
        only("lora_bias", &["\"none\""]),
        only("use_rslora", &["false"]),
        only("use_dora", &["false"]),
        only("has_qformer", &["false"]),
        only("prompt_path", &["null", "\"\""]),
        only("prompt_template", &["\"[INST] {} [/INST]\""]),
    ]),
];

/// peft's file beside a LoRA; that of the published checkpoint has none.
const LORA: &[Group] = &[
    Inert(
        Bookkeeping,
        &[
            "base_model_name_or_path",
            "peft_type",
            "peft_version",
            "task_type",
            "revision",
            "auto_mapping",
        ],
    ),
    Inert(Training, &["lora_dropout", "inference_mode", "init_lora_weights", "loftq_config"]),
    Only(&[
        only("target_modules", &[r#"["q_proj", "v_proj"]"#, r#"["v_proj", "q_proj"]"#]),
        only("bias", &["\"none\""]),
        only("fan_in_fan_out", &["false"]),
        only("modules_to_save", &["null"]),
        only("rank_pattern", &["{}"]),
        only("alpha_pattern", &["{}"]),
        only("layers_to_transform", &["null"]),
        only("layers_pattern", &["null"]),
        only("use_rslora", &["false"]),
        only("use_dora", &["false"]),
        only("use_qalora", &["false"]),
        only("lora_bias", &["false"]),
        only("exclude_modules", &["null"]),
        only("target_parameters", &["null"]),
        only("trainable_token_indices", &["null"]),
        only("layer_replication", &["null"]),
        only("megatron_config", &["null"]),
    ]),
];

/// `tokenizer_config.json` of the Llama; the reference's tokenizer is that of transformers 4.30.
const TOKENIZER: &[Group] = &[Only(&[
    only("add_bos_token", &["true"]),
    only("add_eos_token", &["false"]),
    only("add_prefix_space", &["null", "true"]),
])];

/// Those of the folder itself.
pub(in crate::model) const SECTIONS: &[Section] = &[
    Section {
        file: "config.json",
        path: &[],
        model_types: &[],
        read: config::READ_OWN,
        groups: &[OWN],
    },
    Section {
        file: "config.json",
        path: &["vit_config"],
        model_types: &[],
        read: config::READ_VIT,
        groups: &[],
    },
    Section {
        file: "adapter_config.json",
        path: &[],
        model_types: &[],
        read: config::READ_LORA,
        groups: &[LORA],
    },
];

/// Those of the Llama's folder.
pub(in crate::model) const LLAMA_SECTIONS: &[Section] = &[
    Section {
        file: "config.json",
        path: &[],
        model_types: &[],
        read: llama_config::READ,
        groups: &[common::CONFIG, common::GENERATION_IN_CONFIG, common::FOREIGN_LANGUAGE],
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
