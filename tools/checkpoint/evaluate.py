"""Greedy answers on held-out scenes and their scores.

Usage: python evaluate.py FOLDER [SCENES] [OUTPUT.json]   (500 scenes of every kind and language by default)
"""

import json
import multiprocessing
import random
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file

from model import Qwen3Vl
from more_questions import ASKERS, ask_pair, make_pair
from packing import Batch, Packer, patches_of
from questions import Question
from scenes import make_scene
from words import LANGUAGES

TASKS = (*ASKERS, "pair")
# The counting questions of the evaluation come from the scenes made for counting.
THEME_OF = {"count": "count"}
LONGEST = 200


@dataclass
class Example:
    images: list[Image.Image]
    question: Question
    size: tuple[int, int]


def examples(task: str, lang: str, count: int, first_seed: int = 0) -> list[Example]:
    """`count` questions of one task, each about another held-out scene; both languages get the same scenes."""
    found, seed = [], first_seed
    while len(found) < count:
        # One stream of random numbers a scene: what one language or task draws does not shift the others.
        rng = random.Random(f"held out/{task}/{seed}")
        if task == "pair":
            scenes = make_pair(seed)
            question = ask_pair(scenes, rng, lang)
        else:
            scenes = (make_scene(seed, THEME_OF.get(task)),)
            question = ASKERS[task](scenes[0], rng, lang)
        if question:
            found.append(Example([scene.render() for scene in scenes], question, (scenes[0].width, scenes[0].height)))
        seed += 1
    return found


def pack(packer: Packer, chosen: list[Example], with_answers: bool = False, device="cpu"):
    """One question a row; all of `chosen` have equally many pictures."""
    blocks = [packer.block([(e.question.prompt, e.question.answer if with_answers else None)])[0] for e in chosen]
    length = 1 + max(map(len, blocks))
    columns = [packer.text([(block, [False] * len(block))], length) for block in blocks]
    text, segment, position, _ = (torch.from_numpy(np.stack(column)).long().to(device) for column in zip(*columns))
    pictures = [patches_of(image) for e in chosen for image in e.images]
    patches = torch.stack([torch.from_numpy(p) for p, _ in pictures]).to(device)
    grid = torch.tensor([g for _, g in pictures], device=device)
    stride = len(chosen[0].images)
    first = torch.arange(0, len(pictures), stride, device=device)
    repeat = lambda ids: torch.from_numpy(ids).long().to(device).expand(len(chosen), -1)
    batch = Batch(repeat(packer.prefix()), text, segment, position, first, grid[first])
    if stride == 2:
        batch.middle, batch.second, batch.second_grid = repeat(packer.middle()), first + 1, grid[first + 1]
    return batch, patches, grid


@torch.no_grad()
def generate(network: Qwen3Vl, packer: Packer, chosen: list[Example], device="cpu") -> list[str]:
    """Greedy answers."""
    batch, patches, grid = pack(packer, chosen, device=device)
    text = network.model["language_model"]
    caches = [[] for _ in text.layers]
    hidden = network.hidden(batch, *network.model["visual"](patches, grid), caches)
    # Answers stand behind all slots of the batch; positions alone say where in its row a token belongs.
    asked = (batch.segment >= 0).sum(1)
    position = batch.positions()[:, :, -batch.text.shape[1] :].gather(2, (asked - 1)[:, None, None].expand(-1, 3, 1))
    seen = (batch.segments() >= 0)[:, None]
    token = network.logits(hidden[torch.arange(len(chosen), device=device), asked - 1]).argmax(-1)
    answers, done = [], torch.zeros(len(chosen), dtype=torch.bool, device=device)
    for _ in range(LONGEST):
        done |= (token == packer.end) | (token == packer.pad)
        if bool(done.all()):
            break
        answers.append(torch.where(done, packer.pad, token))
        position = position + 1
        seen = torch.cat((seen, torch.ones_like(seen[:, :, :1])), dim=2)
        hidden = text(text.embed(token[:, None]), position, seen, caches=caches)
        token = network.logits(hidden[:, 0]).argmax(-1)
    return [packer.decode(row) for row in torch.stack(answers, dim=1).tolist()] if answers else [""] * len(chosen)


def boxes_of(answer: str) -> list[list[float]]:
    try:
        rows = json.loads(answer.removeprefix("```json").removesuffix("```"))
        return [[float(x) for x in row["bbox_2d"]] for row in rows]
    except (ValueError, KeyError, TypeError):
        return []


def iou(a, b) -> float:
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    shared = max(0.0, w) * max(0.0, h)
    area = lambda box: max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
    return shared / (area(a) + area(b) - shared) if shared else 0.0


def box_score(example: Example, answer: str) -> float:
    """The mean IoU over the true boxes, each with the box at its place in the answer; surplus boxes count as misses."""
    width, height = example.size
    found = [
        [x0 * width / 1000, y0 * height / 1000, x1 * width / 1000, y1 * height / 1000]
        for x0, y0, x1, y1 in filter(lambda b: len(b) == 4, boxes_of(answer))
    ]
    truth = [thing.box for thing in example.question.things]
    return sum(iou(a, b) for a, b in zip(truth, found)) / max(len(truth), len(found), 1)


def all_examples(count: int, first_seed: int = 0) -> dict[str, list[Example]]:
    """The questions of every task and language, drawn on all cores; call it before the first use of CUDA."""
    names = [(task, lang, count, first_seed) for task in TASKS for lang in LANGUAGES]
    with multiprocessing.get_context("fork").Pool() as pool:
        return {f"{task}/{lang}": found for (task, lang, *_), found in zip(names, pool.starmap(examples, names, 1))}


def score(task: str, chosen: list[Example], answers: list[str]) -> dict:
    """The scores of one task; some answers that were wrong are kept for reading."""
    right = [a == e.question.answer for a, e in zip(answers, chosen)]
    row = {"n": len(chosen), "exact": sum(right) / len(chosen)}
    if task == "ground":
        scores = [box_score(e, a) for e, a in zip(chosen, answers)]
        right = [s >= 0.5 for s in scores]
        row |= {"mean_iou": sum(scores) / len(chosen), "acc_0.5": sum(right) / len(chosen)}
    wrong = [
        {"prompt": e.question.prompt, "want": e.question.answer, "got": a}
        for e, a, ok in zip(chosen, answers, right)
        if not ok
    ]
    return row | {"wrong": wrong[:12]}


def evaluate(network: Qwen3Vl, packer: Packer, drawn: dict[str, list[Example]], device="cpu", batch=500) -> dict:
    """Scores by task and language."""
    report = {}
    for name, chosen in drawn.items():
        answers = [
            a for i in range(0, len(chosen), batch) for a in generate(network, packer, chosen[i : i + batch], device)
        ]
        report[name] = score(name.split("/")[0], chosen, answers)
        print(table({name: report[name]}), flush=True)
    return report


def table(report: dict) -> str:
    lines = []
    for name, row in report.items():
        scores = "  ".join(f"{key} {value:.3f}" for key, value in row.items() if isinstance(value, float))
        lines.append(f"{name:12} {scores}")
    return "\n".join(lines)


def main() -> None:
    folder = Path(sys.argv[1])
    drawn = all_examples(int(sys.argv[2]) if len(sys.argv) > 2 else 500)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    network = Qwen3Vl()
    network.load_state_dict({k: v.float() for k, v in load_file(folder / "model.safetensors").items()})
    packer = Packer(folder / "tokenizer.json")
    report = evaluate(network.to(device).eval(), packer, drawn, device, batch=500 if device == "cuda" else 50)
    if len(sys.argv) > 3:
        Path(sys.argv[3]).write_text(json.dumps(report, ensure_ascii=False, indent=1))


if __name__ == "__main__":
    main()
