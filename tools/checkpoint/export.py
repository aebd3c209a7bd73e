"""Writes a trained network as a folder in the published Qwen3-VL layout.

Usage: python export.py WEIGHTS.safetensors FOLDER   (FOLDER already holds the tokenizer)
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer

from model import MERGE, PATCH, Config
from packing import MAX_PIXELS, MIN_PIXELS

CHAT_TEMPLATE = (Path(__file__).parent / "chat_template.jinja").read_text().rstrip("\n")


def half(network) -> dict:
    """The weights as they will be stored: rounded to half precision, the tied head left out."""
    return {name: value.detach().to("cpu", torch.float16).contiguous() for name, value in network.state_dict().items()}


def config(c: Config, ids: dict) -> dict:
    return {
        "architectures": ["Qwen3VLForConditionalGeneration"],
        "image_token_id": ids["<|image_pad|>"],
        "model_type": "qwen3_vl",
        "text_config": {
            "attention_bias": False,
            "attention_dropout": 0.0,
            "bos_token_id": ids["<|endoftext|>"],
            "dtype": "float16",
            "eos_token_id": ids["<|im_end|>"],
            "head_dim": c.head_dim,
            "hidden_act": "silu",
            "hidden_size": c.hidden,
            "initializer_range": 0.02,
            "intermediate_size": c.ffn,
            "max_position_embeddings": 4096,
            "model_type": "qwen3_vl_text",
            "num_attention_heads": c.heads,
            "num_hidden_layers": c.layers,
            "num_key_value_heads": c.kv_heads,
            "rms_norm_eps": 1e-06,
            "rope_scaling": {"mrope_interleaved": True, "mrope_section": list(c.mrope_section), "rope_type": "default"},
            "rope_theta": int(c.rope_theta),
            "tie_word_embeddings": True,
            "use_cache": True,
            "vocab_size": c.vocabulary,
        },
        "tie_word_embeddings": True,
        "transformers_version": "4.57.3",
        "video_token_id": ids["<|video_pad|>"],
        "vision_config": {
            "deepstack_visual_indexes": list(c.deepstack),
            "depth": c.vision_layers,
            "dtype": "float16",
            "hidden_act": "gelu_pytorch_tanh",
            "hidden_size": c.vision_hidden,
            "in_channels": 3,
            "initializer_range": 0.02,
            "intermediate_size": c.vision_ffn,
            "model_type": "qwen3_vl",
            "num_heads": c.vision_heads,
            "num_position_embeddings": c.position_side**2,
            "out_hidden_size": c.hidden,
            "patch_size": PATCH,
            "spatial_merge_size": MERGE,
            "temporal_patch_size": 2,
        },
        "vision_end_token_id": ids["<|vision_end|>"],
        "vision_start_token_id": ids["<|vision_start|>"],
    }


def processors() -> dict:
    shared = {
        "patch_size": PATCH,
        "temporal_patch_size": 2,
        "merge_size": MERGE,
        "image_mean": [0.5] * 3,
        "image_std": [0.5] * 3,
    }
    size = {"longest_edge": MAX_PIXELS, "shortest_edge": MIN_PIXELS}
    return {
        "preprocessor_config.json": {
            "size": size,
            **shared,
            "processor_class": "Qwen3VLProcessor",
            "image_processor_type": "Qwen2VLImageProcessorFast",
        },
        "video_preprocessor_config.json": {
            "size": size,
            **shared,
            "processor_class": "Qwen3VLProcessor",
            "video_processor_type": "Qwen3VLVideoProcessor",
        },
    }


def write_folder(folder: Path, c: Config = Config()) -> None:
    """All files but the weights and the tokenizer's own."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    ids = {token.content: number for number, token in tokenizer.get_added_tokens_decoder().items()}
    generation = {
        "bos_token_id": ids["<|endoftext|>"],
        "pad_token_id": ids["<|endoftext|>"],
        "do_sample": False,
        "eos_token_id": [ids["<|im_end|>"], ids["<|endoftext|>"]],
        "transformers_version": "4.57.3",
    }
    files = {
        "config.json": config(c, ids),
        "generation_config.json": generation,
        "chat_template.json": {"chat_template": CHAT_TEMPLATE},
        **processors(),
    }
    for name, content in files.items():
        (folder / name).write_text(json.dumps(content, ensure_ascii=False, indent=2) + "\n")


def main(weights: str, folder: str) -> None:
    folder = Path(folder)
    write_folder(folder)
    tensors = {name: value.to(torch.float16) for name, value in load_file(weights).items()}
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})


if __name__ == "__main__":
    main(*sys.argv[1:])
