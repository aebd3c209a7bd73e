"""Random tiny Qwen3-VL checkpoints in the published folder layout, with numbers that differ from the defaults."""

import json
from pathlib import Path

import torch
from safetensors.torch import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from transformers import Qwen3VLConfig, Qwen3VLForConditionalGeneration, Qwen3VLMoeConfig, Qwen3VLMoeForConditionalGeneration

from paths import write_json

TEMPLATE = (Path(__file__).parent / "chat_template.jinja").read_text(encoding="utf-8")

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|vision_start|>", "<|vision_end|>", "<|vision_pad|>", "<|image_pad|>", "<|video_pad|>"]

# How Qwen2 and Qwen3 tokenizers cut text before the merges.
SPLIT = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)

CORPUS = [
    "Describe the picture. What is in the image? How many red cars are there on the left?",
    "The user asks the assistant; the assistant answers in a single word or phrase.",
    "Locate every object that matches the description and report bbox coordinates in JSON format.",
    "图片里有什么？请描述这张图片。左侧的红色汽车在哪里？宠物可能需要什么？",
    "system user assistant system user assistant one two three four five six seven eight nine ten",
]

# Each differs from the published sizes in another way.
CHECKPOINTS = {
    "tied": {
        "seed": 1,
        "text": {"hidden_size": 48, "intermediate_size": 80, "num_hidden_layers": 3, "num_attention_heads": 6, "num_key_value_heads": 2,
                 "head_dim": 20, "rope_theta": 12345.0, "mrope_section": [4, 3, 3], "rms_norm_eps": 1e-5, "tie_word_embeddings": True},
        "vision": {"hidden_size": 32, "intermediate_size": 56, "depth": 4, "num_heads": 2, "patch_size": 8, "temporal_patch_size": 2,
                   "spatial_merge_size": 2, "num_position_embeddings": 49, "deepstack_visual_indexes": [0, 2]},
        "pixels": (1024, 12544), "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
        "dtype": "float32", "shards": 1, "template": "chat_template.jinja",
    },
    "untied": {
        "seed": 2,
        "text": {"hidden_size": 40, "intermediate_size": 72, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 4,
                 "head_dim": 12, "rope_theta": 500000.0, "mrope_section": [2, 2, 2], "rms_norm_eps": 1e-6, "tie_word_embeddings": False,
                 "attention_bias": True},
        "vision": {"hidden_size": 24, "intermediate_size": 40, "depth": 3, "num_heads": 3, "patch_size": 5, "temporal_patch_size": 1,
                   "spatial_merge_size": 3, "num_position_embeddings": 121, "deepstack_visual_indexes": [1], "hidden_act": "gelu"},
        "pixels": (900, 9000), "mean": [0.48145466, 0.4578275, 0.40821073], "std": [0.26862954, 0.26130258, 0.27577711],
        "dtype": "float32", "shards": 2, "template": "chat_template.json",
    },
    "bf16": {
        "seed": 3,
        "text": {"hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 4, "num_attention_heads": 8, "num_key_value_heads": 1,
                 "head_dim": 16, "rope_theta": 5000000.0, "mrope_section": [3, 3, 2], "rms_norm_eps": 1e-6, "tie_word_embeddings": True},
        "vision": {"hidden_size": 48, "intermediate_size": 64, "depth": 3, "num_heads": 4, "patch_size": 16, "temporal_patch_size": 2,
                   "spatial_merge_size": 2, "num_position_embeddings": 16, "deepstack_visual_indexes": [0, 1, 2]},
        "pixels": (4096, 65536), "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
        "dtype": "bfloat16", "shards": 1, "template": "tokenizer_config.json",
    },
    # A mixture of experts in layers 1 and 5: every second, without the third.
    "experts": {
        "seed": 4,
        "text": {"hidden_size": 36, "intermediate_size": 60, "num_hidden_layers": 6, "num_attention_heads": 4, "num_key_value_heads": 2,
                 "head_dim": 16, "rope_theta": 5000000.0, "mrope_section": [4, 2, 2], "rms_norm_eps": 1e-6, "tie_word_embeddings": False,
                 "num_experts": 7, "num_experts_per_tok": 3, "moe_intermediate_size": 20, "decoder_sparse_step": 2, "mlp_only_layers": [3],
                 "norm_topk_prob": True},
        "vision": {"hidden_size": 24, "intermediate_size": 40, "depth": 3, "num_heads": 2, "patch_size": 8, "temporal_patch_size": 2,
                   "spatial_merge_size": 2, "num_position_embeddings": 36, "deepstack_visual_indexes": [0, 1]},
        "pixels": (1024, 12544), "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5],
        "dtype": "float32", "shards": 1, "template": "chat_template.jinja",
    },
}


def tokenizer() -> Tokenizer:
    result = Tokenizer(models.BPE())
    result.normalizer = normalizers.NFC()
    result.pre_tokenizer = pre_tokenizers.Sequence([
        pre_tokenizers.Split(Regex(SPLIT), behavior="isolated"),
        pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
    ])
    result.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=340, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False)
    result.train_from_iterator(CORPUS, trainer)
    result.add_special_tokens([AddedToken(token, normalized=False, special=True) for token in SPECIAL])
    return result


def tokenizer_config(ids: dict) -> dict:
    added = {str(ids[token]): {"content": token, "lstrip": False, "normalized": False, "rstrip": False, "single_word": False, "special": True} for token in SPECIAL}
    return {
        "add_bos_token": False, "add_prefix_space": False, "added_tokens_decoder": added, "additional_special_tokens": SPECIAL[1:],
        "bos_token": None, "clean_up_tokenization_spaces": False, "eos_token": "<|im_end|>", "errors": "replace",
        "model_max_length": 262144, "pad_token": "<|endoftext|>", "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer", "unk_token": None,
    }


def classes(spec: dict):
    if "num_experts" in spec["text"]:
        return Qwen3VLMoeConfig, Qwen3VLMoeForConditionalGeneration
    return Qwen3VLConfig, Qwen3VLForConditionalGeneration


def config(spec: dict, ids: dict, vocabulary: int):
    text = dict(spec["text"])
    section = text.pop("mrope_section")
    text |= {"vocab_size": vocabulary, "max_position_embeddings": 2048, "eos_token_id": ids["<|im_end|>"], "bos_token_id": ids["<|endoftext|>"],
             "rope_scaling": {"rope_type": "default", "mrope_interleaved": True, "mrope_section": section}}
    vision = {"in_channels": 3, "out_hidden_size": text["hidden_size"], **spec["vision"]}
    tokens = {f"{name}_token_id": ids[f"<|{token}|>"] for name, token in
              [("image", "image_pad"), ("video", "video_pad"), ("vision_start", "vision_start"), ("vision_end", "vision_end")]}
    return classes(spec)[0](text_config=text, vision_config=vision, tie_word_embeddings=text["tie_word_embeddings"], **tokens)


@torch.no_grad()
def randomise(model, generator) -> None:
    """Weights that keep activations near one and make logits differ clearly."""
    for name, value in model.named_parameters():
        noise = torch.randn(value.shape, generator=generator)
        if "norm" in name and name.endswith("weight"):
            value.copy_(1 + 0.2 * noise)
        elif name.endswith("bias"):
            value.copy_(0.1 * noise)
        elif "embed" in name and "patch" not in name:
            value.copy_(0.6 * noise)
        elif name == "lm_head.weight":
            value.copy_(0.6 * noise)
        elif ".experts." in name:
            value.copy_(1.6 * noise / value.shape[1] ** 0.5)
        else:
            value.copy_(1.6 * noise / value[0].numel() ** 0.5)


def save_weights(folder: Path, model, shards: int) -> None:
    tensors = {name: value.contiguous() for name, value in model.state_dict().items()}
    if model.config.text_config.tie_word_embeddings:
        tensors.pop("lm_head.weight")
    if shards == 1:
        save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
        return
    names, weight_map = sorted(tensors), {}
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        part = {name: tensors[name] for name in names[shard::shards]}
        save_file(part, folder / file, metadata={"format": "pt"})
        weight_map |= {name: file for name in part}
    size = sum(value.numel() * value.element_size() for value in tensors.values())
    write_json(folder / "model.safetensors.index.json", {"metadata": {"total_size": size}, "weight_map": weight_map})


def build(name: str, folder: Path) -> None:
    spec = CHECKPOINTS[name]
    folder.mkdir(parents=True, exist_ok=True)
    tokens = tokenizer()
    tokens.save(str(folder / "tokenizer.json"), pretty=False)
    ids = {token: tokens.token_to_id(token) for token in SPECIAL}
    # More embeddings than tokens, as in the published checkpoints.
    model = classes(spec)[1](config(spec, ids, tokens.get_vocab_size() + 12))
    randomise(model, torch.Generator().manual_seed(spec["seed"]))
    model = model.to(getattr(torch, spec["dtype"]))
    raw = json.loads(model.config.to_json_string())
    raw |= {"architectures": [classes(spec)[1].__name__], "dtype": spec["dtype"]}
    write_json(folder / "config.json", raw)
    save_weights(folder, model, spec["shards"])
    shortest, longest = spec["pixels"]
    write_json(folder / "preprocessor_config.json", {
        "size": {"longest_edge": longest, "shortest_edge": shortest}, "patch_size": spec["vision"]["patch_size"],
        "temporal_patch_size": spec["vision"]["temporal_patch_size"], "merge_size": spec["vision"]["spatial_merge_size"],
        "image_mean": spec["mean"], "image_std": spec["std"], "processor_class": "Qwen3VLProcessor", "image_processor_type": "Qwen2VLImageProcessorFast",
    })
    write_json(folder / "generation_config.json", {
        "bos_token_id": ids["<|endoftext|>"], "pad_token_id": ids["<|endoftext|>"], "do_sample": True,
        "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]], "temperature": 0.7, "top_p": 0.8, "top_k": 20,
    })
    settings = tokenizer_config(ids)
    if spec["template"] == "chat_template.jinja":
        (folder / "chat_template.jinja").write_text(TEMPLATE, encoding="utf-8")
    elif spec["template"] == "chat_template.json":
        write_json(folder / "chat_template.json", {"chat_template": TEMPLATE})
    else:
        settings["chat_template"] = TEMPLATE
    write_json(folder / "tokenizer_config.json", settings)
