"""Runs transformers on a BLIP-2 or InstructBLIP checkpoint folder and records what it gives. Usage: python blip2.py"""

import sys
import zlib
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import save_file
from transformers import (AutoTokenizer, Blip2ForConditionalGeneration, Blip2Processor, BlipImageProcessor, InstructBlipForConditionalGeneration,
                          InstructBlipProcessor)

import beams
from blip2_checkpoints import CHECKPOINTS, IMAGE, build
from paths import ORACLE, PICTURES, write_json

# Threads that wait for each other are slower on models this small.
torch.set_num_threads(1)

MIN_MARGIN = 0.004

SHOWN = ["square.png", "tall.png", "wide.png", "edges.png", "palette.png", "grey.png", "alpha.png", "speck.png"]
QUESTIONS = ["a photo of", "Question: how many cars are there? Answer:", "Question: what color is the car? Short answer:", "A short image caption.",
             "What is unusual about this image?", "Write a detailed description.", "", "They've said: it isn't THE \"car\" , é 😀 ﬁ"]
LONG = "Question: how many cars are there? Answer: two. " * 7


def asked(picture: str, text: str) -> dict:
    parts = [{"Image": 0}] + ([{"Text": text}] if text else [])
    return {"images": [picture], "conversation": {"system": None, "turns": [{"role": "User", "parts": parts}]}}


def cases() -> list[dict]:
    one = [{"name": f"ask_{index}", "max_new_tokens": 16, **asked(SHOWN[index % len(SHOWN)], text)} for index, text in enumerate(QUESTIONS)]
    return one + [
        {"name": "long_text", "max_new_tokens": 12, **asked("tall.png", LONG)},
        {"name": "long_answer", "max_new_tokens": 40, **asked("square.png", "a photo of a red car and")},
        {"name": "penalty", "max_new_tokens": 24, "repetition_penalty": 1.5, **asked("square.png", "Question: two two two? Answer: two")},
        {"name": "penalty_mild", "max_new_tokens": 24, "repetition_penalty": 1.2, **asked("wide.png", "one two three")},
    ] + [{"name": f"more_{index}", "max_new_tokens": 20, **asked(picture, "Question: what is left? Answer:")} for index, picture in enumerate(SHOWN)]


class Reference:
    """One checkpoint in transformers, in f32."""

    def __init__(self, name: str, folder: Path, dtype=torch.float32, attention: str | None = "eager"):
        spec = CHECKPOINTS[name]
        self.instruct = spec["family"] == "instruct_blip"
        model_class = InstructBlipForConditionalGeneration if self.instruct else Blip2ForConditionalGeneration
        self.model = model_class.from_pretrained(folder, dtype=dtype, attn_implementation=attention).eval()
        self.decoder_only = not self.model.language_model.config.is_encoder_decoder
        images, tokenizer = BlipImageProcessor.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
        if self.decoder_only:
            tokenizer.padding_side = "left"
        if self.instruct:
            questions = AutoTokenizer.from_pretrained(folder, subfolder="qformer_tokenizer")
            self.processor = InstructBlipProcessor(images, tokenizer, questions, num_query_tokens=spec["queries"])
        else:
            self.processor = Blip2Processor(images, tokenizer, num_query_tokens=spec["queries"])
        # The recipe of transformers 4.47 for folders that were saved before.
        placeholder = tokenizer.convert_tokens_to_ids(IMAGE)
        assert self.model.config.image_token_index in (None, placeholder)
        self.model.config.image_token_index = placeholder
        self.dtype = dtype

    def prepare(self, texts: list[str], pictures: list[Image.Image]):
        more = {"padding": True} if len(texts) > 1 else {}
        if not self.instruct and texts == [""]:
            # Without a text, `generate` builds the ids.
            inputs = self.processor(images=pictures, return_tensors="pt")
            bos = self.model.config.text_config.bos_token_id
            inputs["input_ids"] = torch.tensor([[self.model.config.image_token_index] * self.processor.num_query_tokens + [bos]])
            inputs["attention_mask"] = torch.ones_like(inputs["input_ids"])
            return inputs
        inputs = self.processor(images=pictures, text=texts, return_tensors="pt", **more)
        return inputs

    @torch.no_grad()
    def generate(self, inputs, count: int, **more):
        inputs = {key: value.to(self.dtype) if value.is_floating_point() else value for key, value in inputs.items()}
        return self.model.generate(**inputs, max_new_tokens=count, do_sample=False, return_dict_in_generate=True, output_scores=True, output_logits=True, **more)

    def answers(self, result, inputs) -> torch.Tensor:
        start = inputs["input_ids"].shape[1] if self.decoder_only else 1
        return result.sequences[:, start:]

    def end(self) -> list[int]:
        end = self.model.language_model.generation_config.eos_token_id
        return end if isinstance(end, list) else [end]

    @torch.no_grad()
    def parts(self, inputs) -> dict[str, torch.Tensor]:
        """The tower's features, the Q-Former's and the projected ones."""
        tower = self.model.vision_model(inputs["pixel_values"]).last_hidden_state
        if self.instruct:
            projected, _, found = self.model.get_image_features(inputs["pixel_values"], inputs["qformer_input_ids"], inputs["qformer_attention_mask"], return_dict=True)
            queries = found[0][:, :self.processor.num_query_tokens]
        else:
            projected, _, found = self.model.get_image_features(inputs["pixel_values"], return_dict=True)
            queries = found[0]
        return {"tower": tower[0], "queries": queries[0], "projected": projected[0]}


def text_of(case: dict) -> str:
    return "".join(part.get("Text", "") for part in case["conversation"]["turns"][0]["parts"])


def opened(case: dict) -> Image.Image:
    return Image.open(PICTURES / case["images"][0]).convert("RGB")


def margins(result) -> torch.Tensor:
    top = torch.stack(result.scores).topk(2, dim=-1).values
    return (top[..., 0] - top[..., 1]).T


def cut(ids: list[int], end: list[int]) -> list[int]:
    """Drops the padding behind the first stop token."""
    last = next((index + 1 for index, id in enumerate(ids) if id in end), len(ids))
    return ids[:last]


def record(name: str) -> None:
    folder = ORACLE / name
    build(name, folder)
    reference = Reference(name, folder)
    entries, tensors = [], {}
    for case in cases():
        inputs = reference.prepare([text_of(case)], [opened(case)])
        penalty = case.get("repetition_penalty", 1.0)
        result = reference.generate(inputs, case["max_new_tokens"], repetition_penalty=penalty)
        margin = margins(result).min().item()
        ids = reference.answers(result, inputs)[0].tolist()
        if margin < MIN_MARGIN:
            print(f"  {case['name']}: left out, a token leads by {margin:.5f} only")
            continue
        entries.append({
            **case, "repetition_penalty": penalty, "rendered": IMAGE + text_of(case), "input_ids": inputs["input_ids"][0].tolist(),
            "connector_ids": inputs["qformer_input_ids"][0].tolist() if reference.instruct else [],
            "greedy_ids": ids, "smallest_margin": margin, "text": reference.processor.batch_decode([ids], skip_special_tokens=True)[0].strip(),
            "shown": [pixels(inputs["pixel_values"][0], reference.model.config.vision_config)],
        })
        tensors[f"{case['name']}.logits"] = result.logits[0][0].contiguous()
        parts = {part: value.contiguous().clone() for part, value in reference.parts(inputs).items()}
        # What does not depend on the prompt: InstructBLIP's Q-Former does.
        tensors[f"{case['name']}.0.tokens"] = parts["tower" if reference.instruct else "projected"]
        if len(entries) <= 4:
            tensors |= {f"{case['name']}.{part}": value.clone() for part, value in parts.items()}
    plain = [entry for entry in entries if entry["repetition_penalty"] == 1.0][:4]
    searched = beams.entries(generator(reference, plain), [entry["name"] for entry in plain], 12)
    together = batches(reference, entries)
    stopped = sum(entry["greedy_ids"][-1] in reference.end() for entry in entries)
    print(f"{name}: {len(entries)} cases, {stopped} stop by themselves, {len(together)} batches, {len(searched)} beam searches")
    halves = half_types(name, entries, tensors)
    print(f"  half types differ by {halves} of the spread")
    write_json(folder / "oracle.json", {"cases": entries, "batches": together, "beams": searched, "half_types": halves})
    save_file(tensors, folder / "oracle.safetensors")


def pixels(values: torch.Tensor, vision) -> dict:
    """The patch grid and a checksum of the f32 pixel values, little-endian, channel by channel."""
    side = vision.image_size // vision.patch_size
    return {"grid": [side, side], "crc32": zlib.crc32(values.contiguous().numpy().astype("<f4").tobytes()), "first_values": values.flatten()[:6].tolist()}


def half_types(name: str, entries: list[dict], tensors: dict) -> dict[str, float]:
    """How far transformers' own logits in half types are from those in f32, at most, as a share of the logits' spread."""
    result = {}
    for label, dtype in (("F16", torch.float16), ("BF16", torch.bfloat16)):
        rough, worst = Reference(name, ORACLE / name, dtype), 0.0
        for entry in entries:
            found = rough.generate(rough.prepare([text_of(entry)], [opened(entry)]), 1).logits[0][0].float()
            expected = tensors[f"{entry['name']}.logits"]
            worst = max(worst, ((found - expected).abs().max() / (expected.max() - expected.min())).item())
        result[label] = worst
    return result


def generator(reference: Reference, cases: list[dict]):
    """What `beams.entries` asks of a model: ids up to the first stop token, and the sequence's score."""
    inputs = {case["name"]: reference.prepare([text_of(case)], [opened(case)]) for case in cases}

    def generate(name: str, **options):
        result = reference.generate(inputs[name], options.pop("max_new_tokens"), **options)
        score = result.sequences_scores[0].item() if options["num_beams"] > 1 else None
        return cut(reference.answers(result, inputs[name])[0].tolist(), reference.end()), score

    return generate


def batches(reference: Reference, entries: list[dict]) -> list[dict]:
    """Greedy ids of prompts of unequal length answered together, padded."""
    plain = [entry for entry in entries if entry["repetition_penalty"] == 1.0 and text_of(entry)]
    result = []
    for start in range(0, min(len(plain), 9), 3):
        group = plain[start:start + 3]
        inputs = reference.prepare([text_of(entry) for entry in group], [opened(entry) for entry in group])
        answer = reference.generate(inputs, 12)
        rows = [cut(row, reference.end()) for row in reference.answers(answer, inputs).tolist()]
        if min(margin[:len(row)].min().item() for margin, row in zip(margins(answer), rows)) >= MIN_MARGIN:
            result.append({"cases": [entry["name"] for entry in group], "max_new_tokens": 12, "greedy_ids": rows})
    return result


if __name__ == "__main__":
    for checkpoint in sys.argv[1:] or ("blip2/opt", "blip2/t5"):
        record(checkpoint)
