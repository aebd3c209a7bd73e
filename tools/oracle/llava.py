"""Writes fixtures/oracle/llava: random tiny LLaVA-1.5 checkpoints in both published layouts, and what the references give.

Usage: python llava.py LLAVA    (LLAVA: a copy of https://github.com/haotian-liu/LLaVA, of which `mm_utils.py` and
`conversation.py` are run; the network is transformers')
"""

import copy
import importlib
import json
import sys
import types
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoTokenizer, CLIPImageProcessor, CLIPVisionConfig, LlamaConfig, LlavaConfig, LlavaForConditionalGeneration, LlavaProcessor

import llama_tokenizer
from checkpoints import randomise
from make import assistant, case, user
from paths import ORACLE, PICTURES, write_json
from recording import Prepared, cast, frequent, record

PLACEHOLDER = "<image>"
MEAN, STD = [0.48145466, 0.4578275, 0.40821073], [0.26862954, 0.26130258, 0.27577711]

# Behaves as the template of llava-hf/llava-1.5-7b-hf: pictures first, then words, each with a space behind it.
TEMPLATE = (
    "{% for message in messages %}{% if message['role'] != 'system' %}{{ message['role'] | upper + ': ' }}{% endif %}"
    "{% for part in message['content'] if part['type'] == 'image' %}{{ '<image>\\n' }}{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ part['text'] + ' ' }}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)

# Each differs from the published sizes in another way.
CHECKPOINTS = {
    "hub": {
        "seed": 21, "legacy": True, "layout": "old names", "dtype": "float32", "shards": 2, "pad": None,
        "vision": {"hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 4, "num_attention_heads": 3, "image_size": 42, "patch_size": 14},
        "text": {"hidden_size": 40, "intermediate_size": 72, "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 14,
                 "rms_norm_eps": 1e-5, "max_position_embeddings": 4096},
    },
    "renamed": {
        "seed": 22, "legacy": False, "layout": "new names", "dtype": "bfloat16", "shards": 1, "pad": False,
        "vision": {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 3, "num_attention_heads": 4, "image_size": 33, "patch_size": 8},
        "text": {"hidden_size": 48, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 6, "num_key_value_heads": 6,
                 "rope_theta": 500000.0, "attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True, "max_position_embeddings": 3000},
        "outer": {"vision_feature_layer": -1, "vision_feature_select_strategy": "full", "multimodal_projector_bias": False, "projector_hidden_act": "gelu_pytorch_tanh"},
        "shortest_edge": 40,
    },
    "original": {
        "seed": 23, "legacy": False, "layout": "original", "dtype": "float16", "shards": 2, "pad": True,
        "vision": {"hidden_size": 24, "intermediate_size": 56, "num_hidden_layers": 5, "num_attention_heads": 2, "image_size": 28, "patch_size": 7},
        "text": {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 8,
                 "rms_norm_eps": 1e-5, "max_position_embeddings": 4096},
    },
}
TOWER = "clip-vit-tiny-patch7-28"


def original_code(root: Path):
    """`mm_utils` and `conversation` of the original, without the package's imports of networks."""
    package = types.ModuleType("llava")
    package.__path__ = [str(root / "llava")]
    sys.modules["llava"] = package
    return importlib.import_module("llava.mm_utils"), importlib.import_module("llava.conversation")


class Reference:
    def __init__(self, folder: Path, spec: dict, model, code):
        self.model, self.spec = model.eval(), spec
        self.mm_utils, self.conversation = code
        self.original = spec["layout"] == "original"
        tower = folder.parent / TOWER if self.original else folder
        self.images = CLIPImageProcessor.from_pretrained(tower)
        self.tokenizer = llama_tokenizer.slow(folder, spec["legacy"]) if self.original else AutoTokenizer.from_pretrained(folder)
        self.stop = [2]

    def decode(self, ids):
        # The slow tokenizer differs where bytes are no UTF-8, of which random weights write much.
        tokenizer = llama_tokenizer.fast(Path(self.tokenizer.vocab_file).parent, self.spec["legacy"]) if self.original else self.tokenizer
        return tokenizer.decode(ids, skip_special_tokens=True)

    def cast(self, dtype):
        other = copy.copy(self)
        other.model = cast(self.model, dtype)
        return other

    def render(self, conversation: dict) -> str:
        """With the original's code; without a system sentence as the hub's template does."""
        if conversation["system"] == "":
            messages = [{"role": turn["role"].lower(), "content": [{"type": "image"} if "Image" in part else {"type": "text", "text": part["Text"]} for part in turn["parts"]]}
                        for turn in conversation["turns"]]
            return LlavaProcessor(self.images, AutoTokenizer.from_pretrained(ORACLE / "llava" / "hub"), chat_template=TEMPLATE).apply_chat_template(messages, add_generation_prompt=True)
        conv = self.conversation.conv_templates["vicuna_v1"].copy()
        if conversation["system"] is not None:
            conv.system = conversation["system"]
        for turn in conversation["turns"]:
            pictures = "".join(PLACEHOLDER + "\n" for part in turn["parts"] if "Image" in part)
            text = " ".join(part["Text"] for part in turn["parts"] if "Text" in part)
            conv.append_message(conv.roles[turn["role"] == "Assistant"], pictures + text)
        conv.append_message(conv.roles[1], None)
        return conv.get_prompt()

    def pixels(self, path: Path) -> torch.Tensor:
        image = Image.open(path).convert("RGB")
        config = types.SimpleNamespace(image_aspect_ratio=None if self.spec["pad"] is False else "pad")
        return self.mm_utils.process_images([image], self.images, config)[0]

    @torch.no_grad()
    def prepare(self, case: dict, pictures: Path) -> Prepared:
        shown = [part["Image"] for turn in case["conversation"]["turns"] for part in turn["parts"] if "Image" in part]
        pixels = [self.pixels(pictures / case["images"][index]) for index in shown]
        features = [self.model.get_image_features(p[None].to(self.model.dtype))[0] for p in pixels]
        rendered = self.render(case["conversation"])
        config = self.model.config
        side = config.vision_config.image_size // config.vision_config.patch_size
        count = side * side + (config.vision_feature_select_strategy == "full")
        if self.original:
            placeholder = config.text_config.vocab_size
            ids = [other for id in self.mm_utils.tokenizer_image_token(rendered, self.tokenizer) for other in ([placeholder] * count if id == -200 else [id])]
        else:
            placeholder = config.image_token_index
            processor = LlavaProcessor(self.images, self.tokenizer, patch_size=config.vision_config.patch_size, num_additional_image_tokens=1,
                                       vision_feature_select_strategy=config.vision_feature_select_strategy)
            pictures = [Image.open(pictures / case["images"][index]).convert("RGB") for index in shown]
            ids = processor(images=pictures or None, text=rendered)["input_ids"][0]
        ids = torch.tensor(ids)
        embeds = self.model.get_input_embeddings()(torch.where(ids == placeholder, 0, ids))
        if features:
            embeds[ids == placeholder] = torch.cat(features)
        penalised = [] if self.original else ids.tolist()
        return Prepared(rendered, ids.tolist(), embeds[None], penalised, pixels, (side, side), features)


def cases() -> list[dict]:
    ask = "\nAnswer the question using a single word or phrase."
    return [
        case("plain", ["square.png"], user(0, "What is in the image?"), beams=True),
        case("short", ["wide.png"], user(0, "How many red cars are there?" + ask), count=12, beams=True),
        case("tall", ["tall.png"], user(0, "Describe the picture."), beams=True),
        case("choice", ["palette.png"], user(0, "Which?\nA. red\nB. blue\nAnswer with the option's letter from the given choices directly."), count=8),
        case("chinese", ["speck.png"], user(0, "左侧的红色汽车在哪里？é 😀"), count=12),
        case("system", ["grey.png"], user(0, "Describe it."), system="You answer in one word.", beams=True),
        case("no_system", ["edges.png"], user(0, "Describe it."), system=""),
        case("turns", ["square.png"], user(0, "What is it?"), assistant("A red car."), user("Sure?")),
        case("text_only", [], user("one two three"), count=20),
        case("text_first", ["alpha.png"], user("Look at this:", 0, "what is it?"), count=12),
        case("two_images", ["tall.png", "wide.png"], user(0, 1, "What differs?"), count=12),
        case("spaces", ["small.bmp"], user(0, "  leading,\n\n many   spaces \t 12345  "), count=12),
        case("long", ["square.png"], user(0, "The red car is on the left of the picture, and the blue one is behind it. " * 12), count=12),
        case("penalty", ["square.png"], user(0, "Say it again."), count=24, repetition_penalty=1.3),
        case("penalty_text", [], user("again again"), count=20, repetition_penalty=1.1),
    ]


def model_of(spec: dict, vocabulary: int):
    text = LlamaConfig(**spec["text"], vocab_size=vocabulary, bos_token_id=1, eos_token_id=2)
    config = LlavaConfig(CLIPVisionConfig(**spec["vision"]), text, image_token_index=470, **spec.get("outer", {}))
    config._attn_implementation = "eager"
    model = LlavaForConditionalGeneration(config)
    randomise(model, torch.Generator().manual_seed(spec["seed"]))
    # What the file will hold is what is run. (Casting the model would round its rotary frequencies too.)
    for value in model.parameters():
        value.data = value.data.to(getattr(torch, spec["dtype"])).float()
    return model


def stored(spec: dict, model) -> dict:
    return {name: value.to(getattr(torch, spec["dtype"])) for name, value in model.state_dict().items()}


def save_shards(folder: Path, tensors: dict, shards: int) -> None:
    tensors = {name: value.contiguous().clone() for name, value in tensors.items()}
    if shards == 1:
        return save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})
    weight_map, names = {}, sorted(tensors)
    for shard in range(shards):
        file = f"model-{shard + 1:05}-of-{shards:05}.safetensors"
        save_file({name: tensors[name] for name in names[shard::shards]}, folder / file, metadata={"format": "pt"})
        weight_map |= {name: file for name in names[shard::shards]}
    write_json(folder / "model.safetensors.index.json", {"metadata": {}, "weight_map": weight_map})


def save_pickles(folder: Path, tensors: dict, shards: int) -> None:
    weight_map, names = {}, sorted(tensors)
    for shard in range(shards):
        file = f"pytorch_model-{shard + 1:05}-of-{shards:05}.bin"
        torch.save({name: tensors[name].contiguous().clone() for name in names[shard::shards]}, folder / file)
        weight_map |= {name: file for name in names[shard::shards]}
    write_json(folder / "pytorch_model.bin.index.json", {"metadata": {}, "weight_map": weight_map})


def preprocessing(side: int, spec: dict) -> dict:
    return {
        "crop_size": {"height": side, "width": side}, "do_center_crop": True, "do_convert_rgb": True, "do_normalize": True, "do_rescale": True,
        "do_resize": True, "image_mean": MEAN, "image_std": STD, "image_processor_type": "CLIPImageProcessor", "resample": 3,
        "rescale_factor": 1 / 255, "size": {"shortest_edge": spec.get("shortest_edge", side)},
        **({} if spec["pad"] is None else {"do_pad": spec["pad"]}),
    }


def old_name(name: str) -> str:
    """The name before transformers 4.52, which published files have."""
    name = "language_model.lm_head.weight" if name == "lm_head.weight" else name.removeprefix("model.")
    return name.replace("language_model.", "language_model.model.", 1) if name.startswith("language_model.") and "lm_head" not in name else name


def save_hub(folder: Path, spec: dict, model) -> None:
    tensors = stored(spec, model)
    if model.config.text_config.tie_word_embeddings:
        tensors.pop("lm_head.weight")
    if spec["layout"] == "old names":
        tensors = {old_name(name): value for name, value in tensors.items()}
    save_shards(folder, tensors, spec["shards"])
    # As the hub's files, it leaves out what equals a default.
    write_json(folder / "config.json", {
        "architectures": ["LlavaForConditionalGeneration"], "ignore_index": -100, "image_token_index": 470, "model_type": "llava", "pad_token_id": 471,
        "projector_hidden_act": "gelu", "text_config": {"model_type": "llama", "torch_dtype": spec["dtype"], **spec["text"], "vocab_size": model.config.text_config.vocab_size},
        "vision_config": {"model_type": "clip_vision_model", "projection_dim": 768, **spec["vision"]}, "vision_feature_layer": -2,
        "vision_feature_select_strategy": "default", **spec.get("outer", {}),
    })
    write_json(folder / "preprocessor_config.json", preprocessing(spec["vision"]["image_size"], spec))
    llama_tokenizer.save_settings(folder, spec["legacy"])
    llama_tokenizer.save_fast(folder, spec["legacy"], [PLACEHOLDER, "<pad>"])


def original_name(name: str) -> str:
    for new, old in [("model.language_model.", "model."), ("model.multi_modal_projector.linear_1", "model.mm_projector.0"),
                     ("model.multi_modal_projector.linear_2", "model.mm_projector.2")]:
        name = name.replace(new, old)
    return name


def save_original(folder: Path, spec: dict, model) -> None:
    tower = folder.parent / TOWER
    tower.mkdir(parents=True, exist_ok=True)
    tensors = stored(spec, model)
    vision = {name.removeprefix("model.vision_tower."): value for name, value in tensors.items() if "vision_tower" in name}
    torch.save({**vision, "logit_scale": torch.tensor(2.6)}, tower / "pytorch_model.bin")
    write_json(tower / "config.json", {"architectures": ["CLIPModel"], "model_type": "clip", "projection_dim": 768, "vision_config": {"model_type": "clip_vision_model", **spec["vision"]}})
    side = spec["vision"]["image_size"]
    # In the form of openai/clip-vit-large-patch14-336.
    write_json(tower / "preprocessor_config.json", {
        "crop_size": side, "do_center_crop": True, "do_normalize": True, "do_resize": True, "feature_extractor_type": "CLIPFeatureExtractor",
        "image_mean": MEAN, "image_std": STD, "resample": 3, "size": side,
    })
    save_pickles(folder, {original_name(name): value for name, value in tensors.items() if "vision_tower" not in name}, spec["shards"])
    write_json(folder / "config.json", {
        "architectures": ["LlavaLlamaForCausalLM"], "bos_token_id": 1, "eos_token_id": 2, "freeze_mm_mlp_adapter": False, "freeze_mm_vision_resampler": False,
        "hidden_act": "silu", **spec["text"], "image_aspect_ratio": "pad", "mm_hidden_size": spec["vision"]["hidden_size"], "mm_projector_type": "mlp2x_gelu",
        "mm_use_im_patch_token": False, "mm_use_im_start_end": False, "mm_vision_select_feature": "patch", "mm_vision_select_layer": -2,
        "mm_vision_tower": f"openai/{TOWER}", "model_type": "llava", "pad_token_id": 0, "pretraining_tp": 1, "rope_scaling": None,
        "tie_word_embeddings": False, "tune_mm_mlp_adapter": False, "use_mm_proj": True, "vocab_size": model.config.text_config.vocab_size,
    })
    llama_tokenizer.save_settings(folder, spec["legacy"])


def main(root: str) -> None:
    code = original_code(Path(root))
    for name, spec in CHECKPOINTS.items():
        folder = ORACLE / "llava" / name
        folder.mkdir(parents=True, exist_ok=True)
        llama_tokenizer.train(folder)
        # More embeddings than tokens, as in the hub's checkpoints; the original has none for the placeholder.
        model = model_of(spec, 470 if spec["layout"] == "original" else 480)
        (save_original if spec["layout"] == "original" else save_hub)(folder, spec, model)
        reference = Reference(folder, spec, model, code)
        # A random checkpoint hardly ever stops.
        reference.stop += frequent(reference, cases()[:6], PICTURES, 3)
        write_json(folder / "generation_config.json", {"bos_token_id": 1, "eos_token_id": reference.stop, "pad_token_id": 0})
        record(reference, cases(), PICTURES, folder)


if __name__ == "__main__":
    main(*sys.argv[1:])
