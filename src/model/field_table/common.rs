//! Fields that files of several families share, with the defaults of huggingface/transformers v4.57.3
//! and v5.24.0 (`configuration_utils.py`, `generation/configuration_utils.py`,
//! `image_processing_utils_fast.py`, `tokenization_utils_base.py`).

use super::Group::{Inert, Only, Told};
use super::Reason::{Batching, Bookkeeping, Output, Repeated, Training, Video};
use super::{Group, Only as OnlyField, only};
use crate::model::tokenizer_config;

/// What is read of `tokenizer_config.json`.
pub(in crate::model) const READ_TOKENIZER: &[fn() -> &'static [&'static str]] =
    tokenizer_config::READ;

const GREEDY: &str = "not taken from here: answers are greedy unless a case asks otherwise";
const CASES: &str = "not taken from here: cases say how long answers are and how they are searched";

/// A whole configuration, or one inside of another (`PretrainedConfig`).
pub(in crate::model) const CONFIG: &[Group] = &[
    Inert(
        Bookkeeping,
        &[
            "model_type",
            "architectures",
            "transformers_version",
            "torch_dtype",
            "dtype",
            "_name_or_path",
            "name_or_path",
            "_commit_hash",
            "auto_map",
            "tokenizer_class",
            "processor_class",
            "finetuning_task",
            "id2label",
            "label2id",
            "num_labels",
            "problem_type",
            "task_specific_params",
            "prefix",
            "attn_implementation",
            "_attn_implementation",
            "_attn_implementation_autoset",
            "_flash_attn_2_enabled",
            "unsloth_version",
            "unsloth_fixed",
            "language_model_only",
        ],
    ),
    Inert(
        Output,
        &[
            "output_attentions",
            "output_hidden_states",
            "output_scores",
            "return_dict",
            "return_dict_in_generate",
            "use_return_dict",
            "use_cache",
            "torchscript",
            "use_bfloat16",
            "chunk_size_feed_forward",
            "tf_legacy_loss",
        ],
    ),
    Inert(
        Training,
        &[
            "initializer_range",
            "initializer_factor",
            "attention_dropout",
            "dropout",
            "gradient_checkpointing",
        ],
    ),
    Inert(
        Repeated,
        &[
            "bos_token_id",
            "pad_token_id",
            "sep_token_id",
            "eos_token_id",
            "decoder_start_token_id",
            "is_encoder_decoder",
        ],
    ),
    Only(&[
        QUANTISED,
        OnlyField { field: "compression_config", ..QUANTISED },
        only("pruned_heads", &["{}"]),
        only("is_decoder", &["false"]),
        only("add_cross_attention", &["false"]),
        only("cross_attention_hidden_size", &["null"]),
        only("tie_encoder_decoder", &["false"]),
    ]),
];

const QUANTISED: OnlyField = OnlyField {
    field: "quantization_config",
    values: &["null"],
    why: "quantised weights, such as those of bitsandbytes, GPTQ, AWQ or FP8, are not read; save the \
          model dequantised",
};

/// Generation in a `config.json`, where versions before 4.50 put it.
pub(in crate::model) const GENERATION_IN_CONFIG: &[Group] = &[
    Told(GREEDY, SAMPLING),
    Told(CASES, SEARCH),
    Only(&[
        only("repetition_penalty", &["1.0"]),
        only("no_repeat_ngram_size", &["0"]),
        only("bad_words_ids", &["null"]),
        only("suppress_tokens", &["null"]),
        only("begin_suppress_tokens", &["null"]),
        only("min_new_tokens", &["0"]),
    ]),
    Only(GENERATION_FIXED),
];

/// `generation_config.json`, beside what is read of it.
pub(in crate::model) const GENERATION: &[Group] = &[
    Told(GREEDY, SAMPLING),
    Told(CASES, SEARCH),
    Only(GENERATION_FIXED),
    Inert(
        Bookkeeping,
        &["_from_model_config", "transformers_version", "_name_or_path", "trust_remote_code"],
    ),
    Inert(
        Output,
        &[
            "use_cache",
            "cache_implementation",
            "cache_config",
            "return_legacy_cache",
            "prefill_chunk_size",
            "compile_config",
            "disable_compile",
            "low_memory",
            "output_attentions",
            "output_hidden_states",
            "output_scores",
            "output_logits",
            "return_dict_in_generate",
            "assistant_confidence_threshold",
            "assistant_early_exit",
            "assistant_lookbehind",
            "is_assistant",
            "max_matching_ngram_size",
            "num_assistant_tokens",
            "num_assistant_tokens_schedule",
            "prompt_lookup_num_tokens",
            "target_lookbehind",
            "chat_format",
            "max_window_size",
        ],
    ),
    Inert(Repeated, &["bos_token_id", "pad_token_id", "decoder_start_token_id"]),
];

const SAMPLING: &[(&str, &str)] = &[
    ("do_sample", "false"),
    ("temperature", "1.0"),
    ("top_k", "50"),
    ("top_p", "1.0"),
    ("min_p", "0.0"),
    ("typical_p", "1.0"),
    ("epsilon_cutoff", "0.0"),
    ("eta_cutoff", "0.0"),
    ("num_return_sequences", "1"),
];

const SEARCH: &[(&str, &str)] = &[
    ("max_length", "20"),
    ("max_new_tokens", "null"),
    ("min_length", "0"),
    ("max_time", "null"),
    ("num_beams", "1"),
    ("num_beam_groups", "1"),
    ("diversity_penalty", "0.0"),
    ("length_penalty", "1.0"),
    ("early_stopping", "false"),
];

const GENERATION_FIXED: &[OnlyField] = &[
    only("encoder_repetition_penalty", &["1.0"]),
    only("encoder_no_repeat_ngram_size", &["0"]),
    only("renormalize_logits", &["false", "true"]),
    only("forced_bos_token_id", &["null"]),
    only("forced_eos_token_id", &["null"]),
    only("force_words_ids", &["null"]),
    only("constraints", &["null"]),
    only("remove_invalid_values", &["false", "true"]),
    only("exponential_decay_length_penalty", &["null"]),
    only("sequence_bias", &["null"]),
    only("token_healing", &["false"]),
    only("guidance_scale", &["null", "1.0"]),
    only("watermarking_config", &["null"]),
    only("penalty_alpha", &["null", "0.0"]),
    only("dola_layers", &["null"]),
    only("stop_strings", &["null"]),
    only("forced_decoder_ids", &["null"]),
];

/// Fields by which language models of other families differ from Llama and Qwen3.
pub(in crate::model) const FOREIGN_LANGUAGE: &[Group] = &[
    Only(&[
        only("sliding_window", &["null"]),
        only("use_sliding_window", &["false"]),
        only("attention_chunk_size", &["null"]),
        only("attn_logit_softcapping", &["null"]),
        only("final_logit_softcapping", &["null"]),
        only("logits_soft_cap", &["null"]),
        only("query_pre_attn_scalar", &["null"]),
        only("hidden_activation", &["null"]),
        only("qk_layernorm", &["false"]),
        only("logit_scale", &["null", "1.0"]),
        only("logits_scaling", &["1.0"]),
        only("residual_multiplier", &["1.0"]),
        only("embedding_multiplier", &["1.0"]),
        only("attention_multiplier", &["1.0"]),
        only("scale_emb", &["1.0"]),
        only("rotary_pct", &["1.0"]),
        only("rope_interleaved", &["false"]),
        only("use_alibi", &["false"]),
        only("no_rope_layers", &["null"]),
        only("layer_types", &["null"]),
    ]),
    Inert(Training, &["pretraining_tp", "router_aux_loss_coef", "output_router_logits"]),
    Inert(Repeated, &["max_window_layers"]),
];

/// An image processor, beside the steps that it takes.
pub(in crate::model) const PICTURES: &[Group] = &[
    Inert(
        Bookkeeping,
        &["processor_class", "_valid_processor_keys", "image_processor_class", "auto_map"],
    ),
    // Every picture comes as RGB.
    Inert(Repeated, &["do_convert_rgb"]),
    Inert(
        Output,
        &[
            "data_format",
            "input_data_format",
            "device",
            "disable_grouping",
            "return_tensors",
            "default_to_square",
        ],
    ),
    Only(&[
        only("pad_size", &["null"]),
        only("do_flip_channel_order", &["false"]),
        only("do_align_long_axis", &["false"]),
        only("do_thumbnail", &["false"]),
        only("do_reduce_labels", &["false"]),
        only("image_seq_length", &["null"]),
    ]),
];

/// `processor_config.json`, beside the image processor in it.
pub(in crate::model) const PROCESSOR: &[Group] = &[
    Inert(Bookkeeping, &["processor_class", "auto_map", "tokenizer", "qformer_tokenizer"]),
    Inert(
        Repeated,
        &[
            "image_token",
            "num_additional_image_tokens",
            "patch_size",
            "vision_feature_select_strategy",
            "image_processor",
            "chat_template",
        ],
    ),
    Inert(Video, &["video_processor", "video_token"]),
];

/// `tokenizer_config.json`, beside what the family reads of it.
pub(in crate::model) const TOKENIZER: &[Group] = &[
    Inert(
        Bookkeeping,
        &[
            "tokenizer_class",
            "processor_class",
            "auto_map",
            "backend",
            "is_local",
            "local_files_only",
            "name_or_path",
            "special_tokens_map_file",
            "tokenizer_file",
            "vocab_file",
            "use_fast",
            "trust_remote_code",
            "sp_model_kwargs",
            "extra_ids",
            "use_default_system_prompt",
            "spaces_between_special_tokens",
            "device_map",
            "model_specific_special_tokens",
        ],
    ),
    Inert(
        Batching,
        &[
            "model_max_length",
            "max_length",
            "padding_side",
            "pad_to_multiple_of",
            "pad_token_type_id",
            "padding",
            "stride",
            "truncation",
            "truncation_side",
            "truncation_strategy",
            "model_input_names",
        ],
    ),
    Only(&[only("split_special_tokens", &["false"]), only("errors", &["\"replace\""])]),
];

/// Spaces before punctuation, where the family does not take them away.
pub(in crate::model) const SPACES: &[Group] = &[Told(
    "not applied, as in transformers 5 (transformers 4 takes spaces before punctuation away)",
    &[("clean_up_tokenization_spaces", "false")],
)];

/// Frames and their order.
pub(in crate::model) const VIDEO: &[Group] = &[Inert(
    Video,
    &["video_token_id", "video_token_index", "vision_start_token_id", "vision_end_token_id"],
)];
