"""A full-size random MiniGPT-v2 in its published parts, and the same network put together from transformers' modules.

transformers has no MiniGPT-v2: its tower is BLIP-2's (EVA-CLIP g), its language model Llama; what is between them is
Vision-CAIR/MiniGPT-4 `minigpt4/models/minigpt_v2.py`: the norm in f32, four neighbours joined, one linear map, and LoRA.
"""

import json
from itertools import groupby
from pathlib import Path

import torch
from transformers import Blip2VisionConfig, LlamaConfig, LlamaForCausalLM
from transformers.models.blip_2.modeling_blip_2 import Blip2VisionModel

SIDE, PATCH, RANK, ALPHA = 448, 14, 64, 16
VIT = {"hidden_size": 1408, "intermediate_size": 6144, "num_hidden_layers": 39, "num_attention_heads": 16, "initializer_range": 0.02}
LLAMA = {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 4096, "vocab_size": 32000, "rms_norm_eps": 1e-5, "bos_token_id": 1, "eos_token_id": 2}
RENAMED = [("embeddings.class_embedding", "cls_token"), ("embeddings.position_embedding", "pos_embed"), ("embeddings.patch_embedding", "patch_embed.proj"),
           ("encoder.layers", "blocks"), ("self_attn.projection", "attn.proj"), ("self_attn.", "attn."), ("layer_norm1", "norm1"), ("layer_norm2", "norm2")]


class MiniGptV2(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.vision = Blip2VisionModel(Blip2VisionConfig(image_size=SIDE, patch_size=PATCH, **VIT))
        self.norm = torch.nn.LayerNorm(VIT["hidden_size"])
        self.vision.post_layernorm = torch.nn.Identity()
        self.projection = torch.nn.Linear(4 * VIT["hidden_size"], LLAMA["hidden_size"])
        self.llama = LlamaForCausalLM(LlamaConfig(**LLAMA))
        self.config = self.llama.config

    def generate(self, input_ids, attention_mask, pixel_values, **options):
        seen = self.norm.float()(self.vision(pixel_values).last_hidden_state.float()).to(pixel_values.dtype)
        tokens = self.projection(seen[:, 1:].reshape(len(seen), -1, 4 * VIT["hidden_size"]))
        # A placeholder is no word; what stands in its place is not looked up.
        embedded = self.llama.get_input_embeddings()(input_ids.clamp(max=LLAMA["vocab_size"] - 1))
        start, count = longest_run(input_ids[0].tolist())
        assert count == tokens.shape[1], (count, tokens.shape)
        embedded = torch.cat([embedded[:, :start], tokens, embedded[:, start + count:]], 1)
        return self.llama.generate(inputs_embeds=embedded, attention_mask=attention_mask, **options)


def longest_run(ids: list[int]) -> tuple[int, int]:
    """Where the placeholders of the picture stand."""
    start, best = 0, (0, 0)
    for _, run in groupby(ids):
        count = len(list(run))
        best = max(best, (start, count), key=lambda place: place[1])
        start += count
    return best


def make_checkpoint(source: Path, folder: Path) -> None:
    """The three parts, with the tokenizer of the small checkpoint in `source`."""
    torch.manual_seed(7)
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = MiniGptV2()
    torch.set_default_dtype(torch.float32)
    (folder / "llama").mkdir(parents=True)
    for name in ("tokenizer.model", "tokenizer_config.json"):
        (folder / "llama" / name).write_bytes((source / "llama" / name).read_bytes())
    model.llama.generation_config.eos_token_id = 2
    model.llama.save_pretrained(folder / "llama")
    (folder / "llama/config.json").write_text(json.dumps({"architectures": ["LlamaForCausalLM"], "model_type": "llama", **LLAMA, "torch_dtype": "bfloat16"}))
    torch.save(tower_file(model.vision), folder / "eva_vit_g.pth")
    torch.save({"model": trained_file(model)}, folder / "minigptv2_checkpoint.pth")
    vit = {"patch_size": PATCH, "embed_dim": 1408, "depth": 39, "num_heads": 16, "mlp_dim": 6144, "stored_image_size": SIDE}
    parts = {"llama_model": "llama", "vit_model": "eva_vit_g.pth", "ckpt": "minigptv2_checkpoint.pth"}
    (folder / "config.json").write_text(json.dumps({"model_type": "minigpt_v2", **parts, "image_size": SIDE, "lora_r": RANK, "lora_alpha": ALPHA, "vit_config": vit}))


def tower_file(vision) -> dict:
    tensors = {}
    for name, value in vision.state_dict().items():
        for old, new in RENAMED:
            name = name.replace(old, new)
        if name.endswith("attn.qkv.bias"):
            queries, _, values = value.chunk(3)
            tensors[name.replace("qkv.bias", "q_bias")] = queries.clone().cpu()
            tensors[name.replace("qkv.bias", "v_bias")] = values.clone().cpu()
        else:
            tensors[name] = value.cpu()
    return tensors


def trained_file(model) -> dict:
    tensors = {f"llama_proj.{name}": value.cpu() for name, value in model.projection.state_dict().items()}
    tensors |= {f"ln_vision.{name}": value.float().cpu() for name, value in model.norm.state_dict().items()}
    generator = torch.Generator().manual_seed(8)
    for index in range(LLAMA["num_hidden_layers"]):
        for name in ("q_proj", "v_proj"):
            place = f"llama_model.base_model.model.model.layers.{index}.self_attn.{name}"
            tensors[f"{place}.lora_A.weight"] = torch.randn(RANK, LLAMA["hidden_size"], generator=generator) * 0.02
            tensors[f"{place}.lora_B.weight"] = torch.randn(LLAMA["hidden_size"], RANK, generator=generator) * 0.02
    return tensors


def load(folder: Path) -> MiniGptV2:
    """Reads the parts back, LoRA merged in f32."""
    torch.set_default_dtype(torch.bfloat16)
    with torch.device("cuda"):
        model = MiniGptV2()
    torch.set_default_dtype(torch.float32)
    model.llama = LlamaForCausalLM.from_pretrained(folder / "llama", dtype=torch.bfloat16, device_map="cuda", attn_implementation="sdpa")
    trained = torch.load(folder / "minigptv2_checkpoint.pth", map_location="cuda")["model"]
    for index, layer in enumerate(model.llama.model.layers):
        for name in ("q_proj", "v_proj"):
            place = f"llama_model.base_model.model.model.layers.{index}.self_attn.{name}"
            weight = getattr(layer.self_attn, name).weight
            change = trained[f"{place}.lora_B.weight"].float() @ trained[f"{place}.lora_A.weight"].float() * (ALPHA / RANK)
            weight.data = (weight.data.float() + change).to(weight.dtype)
    model.projection.load_state_dict({name: trained[f"llama_proj.{name}"] for name in ("weight", "bias")})
    model.norm.load_state_dict({name: trained[f"ln_vision.{name}"] for name in ("weight", "bias")})
    tower = torch.load(folder / "eva_vit_g.pth", map_location="cuda")
    for name, value in model.vision.state_dict().items():
        stored = name
        for old, new in RENAMED:
            stored = stored.replace(old, new)
        if name.endswith("self_attn.qkv.bias"):
            queries, values = tower[stored.replace("qkv.bias", "q_bias")], tower[stored.replace("qkv.bias", "v_bias")]
            value.copy_(torch.cat([queries, torch.zeros_like(queries), values]))
        else:
            value.copy_(tower[stored])
    return model.eval()
