"""Compares this folder's network, packing and answers with transformers on the CPU.

Usage: python check_transformers.py FOLDER [SCENES]
With SCENES, both answer that many held-out questions of every task; without weights in FOLDER, random ones are used.
"""

import random
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from transformers import AutoProcessor, Qwen3VLForConditionalGeneration

from evaluate import examples, generate, pack
from export import half, write_folder
from model import Qwen3Vl
from packing import Packer


def load_both(folder: Path):
    write_folder(folder)
    network = Qwen3Vl()
    if not (folder / "model.safetensors").exists():
        torch.manual_seed(0)
        save_file(half(network), folder / "model.safetensors", metadata={"format": "pt"})
    network.load_state_dict({k: v.float() for k, v in load_file(folder / "model.safetensors").items()})
    reference = Qwen3VLForConditionalGeneration.from_pretrained(folder, dtype=torch.float32)
    return network.eval(), reference.eval(), AutoProcessor.from_pretrained(folder)


def messages(example, answer: str | None) -> list[dict]:
    content = [{"type": "image", "image": image} for image in example.images] + [
        {"type": "text", "text": example.question.prompt}
    ]
    turns = [{"role": "user", "content": content}]
    return turns + (
        [{"role": "assistant", "content": [{"type": "text", "text": answer}]}] if answer is not None else []
    )


@torch.no_grad()
def compare_logits(network, reference, processor, packer, example) -> float:
    """The largest difference of any logit after the last picture, the same pixels given to both."""
    inputs = processor.apply_chat_template(
        messages(example, example.question.answer), tokenize=True, return_dict=True, return_tensors="pt"
    )
    batch, patches, grid = pack(packer, [example], with_answers=True)
    # transformers resizes through torchvision, which differs from Pillow by a level here and there; compare
    # the networks on Pillow's pixels.
    ours = torch.cat([p[: 4 * g.prod()] for p, g in zip(patches, grid)]).float() / 127.5 - 1
    ours = ours.view(-1, 3, 1, 256).expand(-1, -1, 2, -1).reshape(len(ours), -1)
    pixels = (inputs["pixel_values"] - ours).abs()
    print(
        f"  pixels: {(pixels > 1e-6).float().mean():.4f} differ, at most by {pixels.max() * 127.5:.0f} levels;", end=" "
    )
    inputs["pixel_values"] = ours
    theirs = reference(**inputs).logits[0]
    visual, taps = network.model["visual"](patches, grid)
    mine = network.logits(network.hidden(batch, visual, taps))[0]
    used = int((batch.segment[0] >= 0).sum())
    ids = inputs["input_ids"][0]
    assert ids[-used - 1 : -1].tolist() == batch.text[0, :used].tolist(), "the chat template and the packing disagree"
    return (theirs[-used - 1 : -1] - mine[:used]).abs().max().item()


def compare_answers(network, reference, processor, packer, count: int) -> None:
    for task in ("caption", "exist", "colour", "count", "ground", "fact", "pair"):
        chosen = examples(task, random.Random(task).choice(("en", "zh")), count)
        mine, equal = generate(network, packer, chosen), 0
        for example, answer in zip(chosen, mine):
            inputs = processor.apply_chat_template(
                messages(example, None),
                tokenize=True,
                return_dict=True,
                return_tensors="pt",
                add_generation_prompt=True,
            )
            ids = reference.generate(**inputs, max_new_tokens=200, do_sample=False)[0, inputs["input_ids"].shape[1] :]
            equal += processor.tokenizer.decode(ids, skip_special_tokens=True) == answer
        print(f"{task}: {equal} of {count} answers equal")


def main() -> None:
    folder = Path(sys.argv[1])
    network, reference, processor = load_both(folder)
    packer = Packer(folder / "tokenizer.json")
    for task in ("caption", "ground", "pair"):
        for example in examples(task, "zh", 2) + examples(task, "en", 2):
            sizes = [image.size for image in example.images]
            difference = compare_logits(network, reference, processor, packer, example)
            print(f"{task} {sizes}: largest difference of a logit {difference:.1e}")
            assert difference < 1e-4
    if len(sys.argv) > 2:
        compare_answers(network, reference, processor, packer, int(sys.argv[2]))


if __name__ == "__main__":
    main()
