"""Runs transformers on a Qwen3-VL checkpoint folder and records what it gives."""

import json
import zlib
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import AutoModelForImageTextToText, AutoTokenizer, Qwen2VLImageProcessor, Qwen3VLProcessor, Qwen3VLVideoProcessor

from paths import write_json

MIN_MARGIN = 0.004
# Rounding must not send a token to another expert either.
MIN_ROUTER_GAP = 2e-5


class Reference:
    """One checkpoint in transformers, in f32."""

    def __init__(self, folder: Path, attention: str = "eager"):
        self.model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation=attention).eval()
        raw = json.loads((folder / "preprocessor_config.json").read_text())
        size = raw.pop("size")
        keep = {key: raw[key] for key in ("patch_size", "temporal_patch_size", "merge_size", "image_mean", "image_std")}
        images = Qwen2VLImageProcessor(min_pixels=size["shortest_edge"], max_pixels=size["longest_edge"], **keep)
        tokenizer = AutoTokenizer.from_pretrained(folder)
        template = None
        if (folder / "chat_template.json").exists():
            template = json.loads((folder / "chat_template.json").read_text())["chat_template"]
        self.processor = Qwen3VLProcessor(images, tokenizer, Qwen3VLVideoProcessor(), chat_template=template or tokenizer.chat_template)
        self.stop = json.loads((folder / "generation_config.json").read_text())["eos_token_id"]

        self.router_gap = float("inf")
        for name, module in self.model.named_modules():
            if name.endswith(".mlp.gate"):
                module.register_forward_hook(self.watch_router)

    def watch_router(self, _module, _inputs, logits) -> None:
        """Keeps the smallest lead of a chosen expert over one that is not."""
        count = self.model.config.text_config.num_experts_per_tok
        best = logits.flatten(0, -2).topk(count + 1, dim=-1).values
        self.router_gap = min(self.router_gap, (best[:, -2] - best[:, -1]).min().item())

    def prepare(self, case: dict, pictures: Path):
        images = [Image.open(pictures / name).convert("RGB") for name in case["images"]]
        rendered = self.processor.apply_chat_template(messages(case["conversation"]), tokenize=False, add_generation_prompt=True)
        shown = [images[part["Image"]] for turn in case["conversation"]["turns"] for part in turn["parts"] if "Image" in part]
        return rendered, self.processor(text=[rendered], images=shown or None, return_tensors="pt")

    @torch.no_grad()
    def logits(self, inputs) -> torch.Tensor:
        self.model.model.rope_deltas = None
        return self.model(**inputs, logits_to_keep=1).logits[:, -1]

    @torch.no_grad()
    def generate(self, inputs, count: int, penalty: float = 1.0):
        """Greedy ids, and for each step the lead of the chosen token after the penalty."""
        self.model.model.rope_deltas = None
        result = self.model.generate(
            **inputs, max_new_tokens=count, do_sample=False, temperature=None, top_p=None, top_k=None, repetition_penalty=penalty,
            eos_token_id=self.stop, pad_token_id=self.processor.tokenizer.pad_token_id, return_dict_in_generate=True, output_scores=True,
        )
        top = torch.stack(result.scores).topk(2, dim=-1).values
        return result.sequences[:, inputs["input_ids"].shape[1]:], (top[..., 0] - top[..., 1]).T

    @torch.no_grad()
    def features(self, inputs):
        """Vision features of each picture shown, and their deepstack twins."""
        grid = inputs["image_grid_thw"]
        tokens, deep = self.model.model.get_image_features(inputs["pixel_values"], grid)
        sizes = [len(part) for part in tokens]
        return tokens, list(zip(*[level.split(sizes) for level in deep]))


def messages(conversation: dict) -> list[dict]:
    system = conversation.get("system")
    result = [{"role": "system", "content": [{"type": "text", "text": system}]}] if system is not None else []
    for turn in conversation["turns"]:
        content = [{"type": "image"} if "Image" in part else {"type": "text", "text": part["Text"]} for part in turn["parts"]]
        result.append({"role": turn["role"].lower(), "content": content})
    return result


def record(folder: Path, cases: list[dict], pictures: Path, out: Path, wanted: tuple[str, ...] = ("logits", "features")) -> None:
    """Writes `oracle.json` and `oracle.safetensors` for the cases whose answers are clear."""
    reference = Reference(folder)
    entries, tensors = [], {}
    for case in cases:
        rendered, inputs = reference.prepare(case, pictures)
        reference.router_gap = float("inf")
        penalty = case.get("repetition_penalty", 1.0)
        sequences, margins = reference.generate(inputs, case["max_new_tokens"], penalty)
        margin = margins.min().item()
        ids = sequences[0].tolist()
        if margin < MIN_MARGIN:
            print(f"  {case['name']}: left out, a token leads by {margin:.5f} only")
            continue
        if reference.router_gap < MIN_ROUTER_GAP:
            print(f"  {case['name']}: left out, an expert leads by {reference.router_gap:.7f} only")
            continue
        entry = {
            **case, "rendered": rendered, "input_ids": inputs["input_ids"][0].tolist(), "greedy_ids": ids, "smallest_margin": margin,
            "text": reference.processor.tokenizer.decode(ids, skip_special_tokens=True),
            "repetition_penalty": penalty,
            "shown": shown(reference, inputs),
        }
        if "logits" in wanted:
            tensors[f"{case['name']}.logits"] = reference.logits(inputs)[0].contiguous()
        if "features" in wanted and "image_grid_thw" in inputs:
            for index, (tokens, deep) in enumerate(zip(*reference.features(inputs))):
                tensors[f"{case['name']}.{index}.tokens"] = tokens.clone()
                tensors |= {f"{case['name']}.{index}.deep.{level}": part.clone() for level, part in enumerate(deep)}
        entries.append(entry)
    for entry in entries:
        if len(set(entry["greedy_ids"])) == 1:
            print(f"  {entry['name']}: says one token only")
    print(f"{out.name}: {len(entries)} of {len(cases)} cases, smallest margin {min(e['smallest_margin'] for e in entries):.4f},",
          f"{sum(e['greedy_ids'][-1] in reference.stop for e in entries)} stop by themselves")
    write_json(out / "oracle.json", {"cases": entries, "batches": batches(reference, entries, pictures)})
    save_file(tensors, out / "oracle.safetensors")


def shown(reference: Reference, inputs) -> list[dict]:
    """For each picture shown: its grid and a checksum of its f32 pixel values, little-endian, row by row."""
    if "image_grid_thw" not in inputs:
        return []
    grids = inputs["image_grid_thw"].tolist()
    rows = inputs["pixel_values"].split([t * h * w for t, h, w in grids])
    return [{"grid": [h, w], "crc32": zlib.crc32(part.contiguous().numpy().astype("<f4").tobytes()), "first_values": part.flatten()[:6].tolist()}
            for (_, h, w), part in zip(grids, rows)]


def batches(reference: Reference, entries: list[dict], pictures: Path) -> list[dict]:
    """Greedy ids of prompts of unequal length answered together, left-padded."""
    plain = [entry for entry in entries if entry["repetition_penalty"] == 1.0]
    result = []
    for start in range(0, min(len(plain), 9), 3):
        group = plain[start:start + 3]
        images = [Image.open(pictures / e["images"][p["Image"]]).convert("RGB") for e in group for t in e["conversation"]["turns"] for p in t["parts"] if "Image" in p]
        inputs = reference.processor(text=[e["rendered"] for e in group], images=images or None, padding=True, padding_side="left", return_tensors="pt")
        ids, margins = reference.generate(inputs, 12)
        rows = [cut(row, reference.stop) for row in ids.tolist()]
        if min(m[:len(row)].min().item() for m, row in zip(margins, rows)) >= MIN_MARGIN:
            result.append({"cases": [e["name"] for e in group], "max_new_tokens": 12, "greedy_ids": rows})
    return result


def cut(ids: list[int], stop: list[int]) -> list[int]:
    """Drops the padding behind the first stop token."""
    end = next((index + 1 for index, id in enumerate(ids) if id in stop), len(ids))
    return ids[:end]
