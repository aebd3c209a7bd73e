"""Writes trained networks as folders in the published layouts, in half precision.

Usage: PYTHONPATH=..:. python layouts.py RUN MODELS   (RUN: what `train.py` wrote; MODELS already holds the tokenizers)
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file

import language
import networks
import qformer
import rows
import towers
import wording
from squares import MEAN, PATCH, SIDE, STD

END = 2
MOST_POSITIONS = 2048


def write_json(path: Path, value) -> None:
    path.write_text(json.dumps(value, ensure_ascii=False, indent=1) + "\n")


def token(folder: Path, text: str) -> int:
    """The id of an added token, such as the placeholder of a picture."""
    added = json.loads((folder / "tokenizer.json").read_text())["added_tokens"]
    return next(entry["id"] for entry in added if entry["content"] == text)


def under(weights: dict, prefix: str, new: str) -> dict:
    """The tensors under a prefix, renamed."""
    return {new + name.removeprefix(prefix): value for name, value in weights.items() if name.startswith(prefix)}


def kernel(weights: dict) -> torch.Tensor:
    return weights["tower.patch.weight"].view(-1, 3, PATCH, PATCH)


# The towers under their three published names.


def clip_tower(weights: dict) -> dict:
    """CLIP's, with a last layer that nothing reads: LLaVA takes the states before it."""
    torch.manual_seed(0)
    unread = towers.Block(networks.SIZES["llava"]["tower"][1], 1e-5, quick=True).half().state_dict()
    weights = weights | {f"tower.blocks.{towers.BLOCKS}.{name}": value for name, value in unread.items()}
    found = {
        "embeddings.class_embedding": weights["tower.cls"],
        "embeddings.patch_embedding.weight": kernel(weights),
        "embeddings.position_embedding.weight": weights["tower.positions"],
        "post_layernorm.weight": torch.ones(towers.WIDTH).half(),
        "post_layernorm.bias": torch.zeros(towers.WIDTH).half(),
    }
    found |= under(weights, "tower.before.", "pre_layrnorm.")
    for i in range(towers.BLOCKS + 1):
        old, new = f"tower.blocks.{i}.", f"encoder.layers.{i}."
        for part in ("weight", "bias"):
            three = weights[f"{old}qkv.{part}"].chunk(3)
            found |= {f"{new}self_attn.{name}_proj.{part}": value for name, value in zip("qkv", three)}
        found |= under(weights, f"{old}proj.", f"{new}self_attn.out_proj.")
        for j in (1, 2):
            found |= under(weights, f"{old}norm{j}.", f"{new}layer_norm{j}.")
            found |= under(weights, f"{old}fc{j}.", f"{new}mlp.fc{j}.")
    return found


def eva_tower(weights: dict) -> dict:
    """EVA-CLIP's as transformers names it."""
    found = {
        "embeddings.class_embedding": weights["tower.cls"][None, None],
        "embeddings.patch_embedding.weight": kernel(weights),
        "embeddings.patch_embedding.bias": weights["tower.patch.bias"],
        "embeddings.position_embedding": weights["tower.positions"][None],
    }
    found |= under(weights, "tower.behind.", "post_layernorm.")
    for i in range(towers.BLOCKS):
        old, new = f"tower.blocks.{i}.", f"encoder.layers.{i}."
        found |= under(weights, f"{old}qkv.", f"{new}self_attn.qkv.")
        found |= under(weights, f"{old}proj.", f"{new}self_attn.projection.")
        for j in (1, 2):
            found |= under(weights, f"{old}norm{j}.", f"{new}layer_norm{j}.")
            found |= under(weights, f"{old}fc{j}.", f"{new}mlp.fc{j}.")
    return found


def lavis_tower(weights: dict) -> dict:
    """EVA-CLIP's as LAVIS names it. A constant of the keys changes no attention, and the layout has none."""
    found = {
        "cls_token": weights["tower.cls"][None, None],
        "pos_embed": weights["tower.positions"][None],
        "patch_embed.proj.weight": kernel(weights),
        "patch_embed.proj.bias": weights["tower.patch.bias"],
    }
    for i in range(towers.BLOCKS):
        old, new = f"tower.blocks.{i}.", f"blocks.{i}."
        query, _, value = weights[f"{old}qkv.bias"].chunk(3)
        found |= {f"{new}attn.q_bias": query, f"{new}attn.v_bias": value}
        found[f"{new}attn.qkv.weight"] = weights[f"{old}qkv.weight"]
        found |= under(weights, f"{old}proj.", f"{new}attn.proj.")
        for j in (1, 2):
            found |= under(weights, f"{old}norm{j}.", f"{new}norm{j}.")
            found |= under(weights, f"{old}fc{j}.", f"{new}mlp.fc{j}.")
    return found


# Configurations. Fields that equal a default are left out, as in the hub's files.


def vision_config(family: str, kind: str, layers: int) -> dict:
    return {
        "model_type": kind, "hidden_size": towers.WIDTH, "intermediate_size": networks.SIZES[family]["tower"][1],
        "num_hidden_layers": layers, "num_attention_heads": towers.HEADS, "image_size": SIDE, "patch_size": PATCH,
    }  # fmt: skip


def llama_config(family: str) -> dict:
    sizes = networks.SIZES[family]["text"]
    return {
        "model_type": "llama", "hidden_size": language.WIDTH, "intermediate_size": sizes["ffn"],
        "num_hidden_layers": sizes["layers"], "num_attention_heads": language.HEADS,
        "num_key_value_heads": sizes["kv_heads"], "rms_norm_eps": 1e-5, "max_position_embeddings": MOST_POSITIONS,
        "vocab_size": sizes["vocabulary"], "bos_token_id": 1, "eos_token_id": END, "torch_dtype": "float16",
    }  # fmt: skip


def opt_config(end: int) -> dict:
    sizes = networks.SIZES["blip2"]["text"]
    return {
        "model_type": "opt", "hidden_size": language.WIDTH, "word_embed_proj_dim": language.WIDTH,
        "ffn_dim": sizes["ffn"], "num_hidden_layers": sizes["layers"], "num_attention_heads": language.HEADS,
        "max_position_embeddings": networks.OPT_POSITIONS, "vocab_size": sizes["vocabulary"],
        "bos_token_id": 2, "pad_token_id": 1, "eos_token_id": end, "torch_dtype": "float16",
    }  # fmt: skip


def qformer_config(family: str, kind: str, vocabulary: dict) -> dict:
    return {
        "model_type": kind, "hidden_size": qformer.WIDTH, "encoder_hidden_size": towers.WIDTH,
        "num_hidden_layers": qformer.LAYERS, "num_attention_heads": qformer.HEADS,
        "intermediate_size": networks.SIZES[family]["qformer"], "cross_attention_frequency": qformer.CROSS_EVERY,
        "max_position_embeddings": qformer.MOST_WORDS, **vocabulary,
    }  # fmt: skip


def pictures_config(more: dict) -> dict:
    return {
        "do_convert_rgb": True, "do_normalize": True, "do_rescale": True, "do_resize": True, "image_mean": list(MEAN),
        "image_std": list(STD), "resample": 3, "rescale_factor": 1 / 255, **more,
    }  # fmt: skip


def save_llava(folder: Path, weights: dict) -> None:
    """As llava-hf/llava-1.5-7b-hf, with the names from before transformers 4.52."""
    tensors = under(clip_tower(weights), "", "vision_tower.vision_model.")
    tensors |= under(weights, "project.0.", "multi_modal_projector.linear_1.")
    tensors |= under(weights, "project.2.", "multi_modal_projector.linear_2.")
    tensors |= under(weights, "text.", "language_model.")
    save(tensors, folder / "model.safetensors")
    write_json(folder / "config.json", {
        "architectures": ["LlavaForConditionalGeneration"], "ignore_index": -100, "image_token_index": token(folder, "<image>"),
        "model_type": "llava", "pad_token_id": token(folder, "<pad>"), "projector_hidden_act": "gelu", "torch_dtype": "float16",
        "text_config": llama_config("llava"), "vision_feature_layer": -2, "vision_feature_select_strategy": "default",
        "vision_config": vision_config("llava", "clip_vision_model", towers.BLOCKS + 1) | {"projection_dim": 768},
    })  # fmt: skip
    ends = {"bos_token_id": 1, "eos_token_id": END, "pad_token_id": token(folder, "<pad>")}
    write_json(folder / "generation_config.json", ends)
    square = {"height": SIDE, "width": SIDE}
    write_json(folder / "preprocessor_config.json", pictures_config({
        "crop_size": square, "do_center_crop": True, "image_processor_type": "CLIPImageProcessor",
        "size": {"shortest_edge": SIDE},
    }))  # fmt: skip


def save_blip(family: str, folder: Path, weights: dict, names: dict, text: dict, vocabulary: dict) -> None:
    """As Salesforce/blip2-opt-2.7b and Salesforce/instructblip-vicuna-7b."""
    tensors = under(eva_tower(weights), "", "vision_model.") | {"query_tokens": weights["query_tokens"]}
    for old, new in (("qformer.", "qformer."), ("project.", "language_projection."), ("text.", "language_model.")):
        tensors |= under(weights, old, new)
    save(tensors, folder / "model.safetensors")
    write_json(folder / "config.json", {
        "architectures": [names["model"]], "image_token_index": token(folder, "<image>"), "model_type": names["type"],
        "num_query_tokens": rows.QUERIES[family], "use_decoder_only_language_model": True, "torch_dtype": "float16",
        "vision_config": vision_config(family, names["vision"], towers.BLOCKS) | {"layer_norm_eps": 1e-6},
        "qformer_config": qformer_config(family, names["qformer"], vocabulary), "text_config": text,
    })  # fmt: skip
    write_json(folder / "generation_config.json", {
        "bos_token_id": text["bos_token_id"], "eos_token_id": text["eos_token_id"],
    })  # fmt: skip
    size = {"height": SIDE, "width": SIDE}
    more = {"image_processor_type": "BlipImageProcessor", "processor_class": names["processor"], "size": size}
    write_json(folder / "preprocessor_config.json", pictures_config(more))
    queries = {"num_query_tokens": rows.QUERIES[family], "processor_class": names["processor"]}
    write_json(folder / "processor_config.json", queries)


def save_blip2(folder: Path, weights: dict) -> None:
    names = {
        "model": "Blip2ForConditionalGeneration", "type": "blip-2", "vision": "blip_2_vision_model",
        "qformer": "blip_2_qformer", "processor": "Blip2Processor",
    }  # fmt: skip
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]
    save_blip("blip2", folder, weights, names, opt_config(vocabulary["Ċ"]), {})


def save_instructblip(folder: Path, weights: dict) -> None:
    names = {
        "model": "InstructBlipForConditionalGeneration", "type": "instructblip", "vision": "instructblip_vision_model",
        "qformer": "instructblip_qformer", "processor": "InstructBlipProcessor",
    }  # fmt: skip
    words = {"vocab_size": len(weights["qformer.embeddings.word_embeddings.weight"])}
    save_blip("instructblip", folder, weights, names, llama_config("instructblip"), words)


def save_minigpt(folder: Path, weights: dict) -> None:
    """The three parts: Llama, EVA-CLIP's tower, and what MiniGPT-v2's last stage trained (the map and LoRA)."""
    llama, trained = {}, under(weights, "project.", "llama_proj.")
    for name, value in under(weights, "text.", "").items():
        if ".lora_" in name:
            trained[f"llama_model.base_model.model.{name}"] = value
        else:
            llama[name.replace("_proj.base.", "_proj.")] = value
    save(llama, folder / "llama" / "model.safetensors")
    write_json(folder / "llama" / "config.json", {"architectures": ["LlamaForCausalLM"]} | llama_config("minigpt-v2"))
    write_json(folder / "llama" / "generation_config.json", {"bos_token_id": 1, "eos_token_id": END, "pad_token_id": 0})
    own = lambda tensors: {name: value.clone().contiguous() for name, value in tensors.items()}
    torch.save(own(lavis_tower(weights)), folder / "eva_vit_g.pth")
    torch.save({"model": own(trained)}, folder / "minigptv2_checkpoint.pth")
    rank, alpha = networks.LORA
    write_json(folder / "config.json", {
        "model_type": "minigpt_v2", "llama_model": "llama", "vit_model": "eva_vit_g.pth",
        "ckpt": "minigptv2_checkpoint.pth", "image_size": SIDE, "lora_r": rank, "lora_alpha": alpha,
        "vit_config": {
            "patch_size": PATCH, "embed_dim": towers.WIDTH, "depth": towers.BLOCKS, "num_heads": towers.HEADS,
            "mlp_dim": networks.SIZES["minigpt-v2"]["tower"][1], "stored_image_size": SIDE,
        },
    })  # fmt: skip


def save(tensors: dict, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    save_file({name: value.clone().contiguous() for name, value in tensors.items()}, path, metadata={"format": "pt"})


SAVERS = {"llava": save_llava, "blip2": save_blip2, "instructblip": save_instructblip, "minigpt-v2": save_minigpt}


def main(run: Path, models: Path) -> None:
    for family in wording.FAMILIES:
        weights = load_file(run / f"{family}.safetensors")
        kept = {name: value for name, value in weights.items() if not name.startswith("aux.")}
        SAVERS[family](models / f"{family}-tiny", kept)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
