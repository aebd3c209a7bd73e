"""Loads each checkpoint that transformers can load, saves model and processor as the installed version does, and answers with it.

Usage: python resave.py OUT [NAMES]    (OUT gets a folder for each checkpoint; its configuration files go to
fixtures/oracle/saved_by/VERSION/NAME, the tensors too where their names or values changed)

It fails if an answer is not the one that `oracle.json` has.

Prompts are those that `oracle.json` recorded, pictures are prepared by the version's own processor that resizes with Pillow.
"""

import json
import shutil
import sys
from pathlib import Path

import torch
import transformers
from PIL import Image
from safetensors import safe_open
from transformers import AutoImageProcessor, AutoModelForImageTextToText, AutoProcessor, AutoTokenizer, CLIPVisionConfig, CLIPVisionModel, LlamaForCausalLM

from paths import ORACLE, PICTURES, ROOT, write_json

torch.set_num_threads(1)

VERSION = transformers.__version__
SAVED = ORACLE / "saved_by" / VERSION.split(".")[0]

# The checkpoints as wholes, and the parts of others that transformers loads by themselves.
WHOLE = ["qwen3_vl/tied", "qwen3_vl/untied", "qwen3_vl/bf16", "qwen3_vl/experts", "llava/hub", "llava/renamed", "blip2/opt", "blip2/t5",
         "instruct_blip/vicuna", "instruct_blip/t5", "trained"]
PARTS = ["llava/clip-vit-tiny-patch7-28", "minigpt_v2/published/llama"]
TRAINED = ROOT / "fixtures" / "models" / "qwen3-vl-tiny"


def source(name: str) -> Path:
    return TRAINED if name == "trained" else ORACLE / name


def data(name: str) -> dict:
    return json.loads((ORACLE / ("qwen3_vl/trained" if name == "trained" else name) / "oracle.json").read_text(encoding="utf-8"))


def pictures(name: str) -> Path:
    return ROOT / "cases" / "images" if name == "trained" else PICTURES


def images_of(folder: Path):
    """The image processor that resizes with Pillow."""
    if not VERSION.startswith("4"):
        return AutoImageProcessor.from_pretrained(folder, backend="pil")
    images = AutoImageProcessor.from_pretrained(folder, use_fast=False)
    if "min_pixels" in vars(images):
        # Transformers 4's ignores what `size` says.
        size = json.loads((folder / "preprocessor_config.json").read_text())["size"]
        images = type(images).from_pretrained(folder, min_pixels=size["shortest_edge"], max_pixels=size["longest_edge"])
    return images


def padded(image: Image.Image, mean: list[float]) -> Image.Image:
    """`expand2square` of haotian-liu/LLaVA."""
    width, height = image.size
    if width == height:
        return image
    side = max(width, height)
    result = Image.new("RGB", (side, side), tuple(int(part * 255) for part in mean))
    result.paste(image, ((side - width) // 2, (side - height) // 2))
    return result


class Reference:
    def __init__(self, name: str, folder: Path):
        self.name = name
        self.model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="eager").eval()
        self.tokenizer = AutoTokenizer.from_pretrained(folder)
        self.images = images_of(folder)
        self.qformer = AutoTokenizer.from_pretrained(folder, subfolder="qformer_tokenizer") if "instruct" in name else None
        settings = json.loads((source(name) / "generation_config.json").read_text())
        self.stop = settings.get("eos_token_id")

    def inputs(self, case: dict) -> dict:
        shown = [part["Image"] for turn in case["conversation"]["turns"] for part in turn["parts"] if "Image" in part]
        opened = [Image.open(pictures(self.name) / case["images"][index]).convert("RGB") for index in shown]
        for image in opened:
            # Transformers 5 lays what was transparent once over white.
            image.info.clear()
        ids = torch.tensor([case["input_ids"]])
        inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
        if self.name == "llava/hub":
            opened = [padded(image, self.images.image_mean) for image in opened]
        if opened:
            inputs |= dict(self.images(opened, return_tensors="pt"))
        if "qwen" in self.name or self.name == "trained":
            inputs["mm_token_type_ids"] = (ids == self.model.config.image_token_id).int()
        if self.qformer is not None:
            connector = self.qformer(case["rendered"].removeprefix("<image>"), return_tensors="pt")
            assert connector["input_ids"][0].tolist() == case["connector_ids"], (self.name, case["name"])
            inputs |= {f"qformer_{key}": connector[key] for key in ("input_ids", "attention_mask")}
        return inputs

    @torch.no_grad()
    def answer(self, case: dict) -> list[int]:
        inputs = self.inputs(case)
        if VERSION.startswith("4"):
            inputs.pop("mm_token_type_ids", None)
        if "blip" in self.name:
            self.model.config.image_token_index = self.model.config.image_token_id = case["input_ids"][0]
        if hasattr(self.model.model if hasattr(self.model, "model") else None, "rope_deltas"):
            self.model.model.rope_deltas = None
        stop = {"eos_token_id": self.stop, "pad_token_id": self.stop[0]} if isinstance(self.stop, list) else {}
        result = self.model.generate(**inputs, max_new_tokens=case["max_new_tokens"], do_sample=False, temperature=None, top_p=None, top_k=None,
                                     repetition_penalty=case["repetition_penalty"], **stop)
        ids = result[0].tolist()
        text = self.model.config.get_text_config()
        if text.is_encoder_decoder:
            return ids[1:]
        return ids[len(case["input_ids"]):] if len(ids) > len(case["input_ids"]) and ids[:len(case["input_ids"])] == case["input_ids"] else ids


def tensors(folder: Path) -> dict:
    if (folder / "pytorch_model.bin").exists():
        return torch.load(folder / "pytorch_model.bin", weights_only=True)
    found = {}
    for file in sorted(folder.glob("model*.safetensors")):
        with safe_open(file, framework="pt") as content:
            found |= {name: content.get_tensor(name) for name in content.keys()}
    return found


# Buffers that old versions stored, and that no version reads.
BUFFERS = ("rotary_emb.inv_freq", "position_ids", "logit_scale")


def equal(one: dict, other: dict) -> bool:
    one, other = ({name: value for name, value in content.items() if not name.endswith(BUFFERS)} for content in (one, other))
    return one.keys() == other.keys() and all(one[name].dtype == other[name].dtype and torch.equal(one[name], other[name]) for name in one)


# Transformers 5 makes these tokenizers anew when it loads them, without the normalizer of `tokenizer.json`.
RETOKENISED = ["blip2/t5", "instruct_blip/t5"]


def write_prompts(name: str, folder: Path) -> None:
    """The prompts that the saved tokenizer cuts otherwise than the one before, as the version itself does it."""
    tokenizer, found = AutoTokenizer.from_pretrained(folder), {}
    for case in data(name)["cases"]:
        shown = [id for id in case["input_ids"] if id == case["input_ids"][0]]
        ids = shown + tokenizer(case["rendered"].removeprefix("<image>"))["input_ids"]
        if ids != case["input_ids"]:
            found[case["name"]] = ids
    if found:
        write_json(SAVED / name / "prompts.json", found)


def commit(name: str, folder: Path) -> None:
    """Keeps the configuration files, and the tensors where they changed."""
    out = SAVED / name
    shutil.rmtree(out, ignore_errors=True)
    changed = not equal(tensors(source(name)), tensors(folder))
    for file in sorted(folder.rglob("*")):
        if file.is_file() and (changed or "safetensors" not in file.name):
            (out / file.relative_to(folder)).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(file, out / file.relative_to(folder))
    if name in RETOKENISED:
        write_prompts(name, folder)
    print(f"{name}: tensors {'changed' if changed else 'as before'}")


def whole(name: str, out: Path) -> None:
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    model = AutoModelForImageTextToText.from_pretrained(source(name), dtype="auto")
    model.save_pretrained(folder)
    AutoProcessor.from_pretrained(source(name)).save_pretrained(folder)
    reference, cases = Reference(name, folder), data(name)["cases"]
    differing = [case["name"] for case in cases if reference.answer(case) != case["greedy_ids"]]
    # Else this version's answers would have to be recorded by themselves.
    assert not differing, f"{name}: answers other than those of transformers 4.57.3 to {differing}"
    print(f"{name}: all {len(cases)} answers are those of oracle.json")
    commit(name, folder)


def tower(folder: Path):
    if not VERSION.startswith("4"):
        return CLIPVisionModel.from_pretrained(folder, dtype="auto")
    # Its `from_pretrained` asks for a newer torch than its oracle data were made with.
    model = CLIPVisionModel(CLIPVisionConfig.from_pretrained(folder))
    missing = model.load_state_dict(torch.load(folder / "pytorch_model.bin", weights_only=True), strict=False).missing_keys
    assert not missing, missing
    return model


def part(name: str, out: Path) -> None:
    folder = out / name
    shutil.rmtree(folder, ignore_errors=True)
    if "clip" in name:
        tower(source(name)).save_pretrained(folder)
        images_of(source(name)).save_pretrained(folder)
    else:
        LlamaForCausalLM.from_pretrained(source(name), dtype="auto").save_pretrained(folder)
        AutoTokenizer.from_pretrained(source(name)).save_pretrained(folder)
    commit(name, folder)


if __name__ == "__main__":
    target = Path(sys.argv[1])
    for checkpoint in sys.argv[2:] or [*WHOLE, *PARTS]:
        (part if checkpoint in PARTS else whole)(checkpoint, target)
