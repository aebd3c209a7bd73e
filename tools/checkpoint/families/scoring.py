"""Greedy answers on held-out scenes, and their scores."""

import multiprocessing
import random

import numpy as np
import torch

import asking
import rows
import wording
from scenes import make_scene
from source import SQUARES, shared
from squares import PATCHES, PIXELS, padded, patches_of

TASKS = tuple(asking.ASKERS)
# The counting questions come from the scenes made for counting.
THEME_OF = {"count": "count", "count-written": "count"}
LONGEST = {"caption": 44, "caption-written": 44, "box": 32, "box-written": 32}
BOX_TASKS = ("box", "box-written")
INTERMEDIATE = 1_000_000


def question_of(task: str, lang: str, seed: int):
    """What is asked about the scene of a seed, if anything. One stream of random numbers a scene."""
    scene = make_scene(seed, THEME_OF.get(task))
    return scene, asking.ASKERS[task](scene, random.Random(f"held out/families/{task}/{seed}"), lang)


def draw(task: str, lang: str, count: int, first: int, arrays: dict | None) -> list[tuple[int, asking.Asked]]:
    """`count` questions, each about another held-out scene; their pictures go into the arrays."""
    found, seed = [], first
    while len(found) < count:
        scene, asked = question_of(task, lang, seed)
        if asked:
            if arrays:
                image = scene.render()
                arrays["pad"][len(found)], arrays["squash"][len(found)] = patches_of(padded(image)), patches_of(image)
            found.append((seed, asked))
        seed += 1
    return found


class Held:
    """The held-out questions of all tasks and languages, drawn on all cores; make it before the first use of CUDA."""

    def __init__(self, count: int, first: int = 0):
        self.names = [(task, lang) for task in TASKS for lang in asking.LANGUAGES]
        picture = (count, PATCHES, PIXELS)
        self.arrays = {name: {square: shared(picture, np.uint8) for square in ("pad", "squash")} for name in self.names}
        context = multiprocessing.get_context("fork")
        queue = context.Queue()
        jobs = [context.Process(target=self.draw, args=(name, count, first, queue)) for name in self.names]
        for job in jobs:
            job.start()
        self.drawn = dict(queue.get() for _ in jobs)
        for job in jobs:
            job.join()

    def draw(self, name, count, first, queue) -> None:
        queue.put((name, draw(*name, count, first, self.arrays[name])))


@torch.no_grad()
def generate(network, words: rows.Words, patches, blocks: list[rows.Block], longest: int, device, blank=False) -> list[str]:
    """Greedy answers. `blank` hides the question from the Q-Former, which then reads an empty prompt."""
    asked = [len(block.asked) for block in blocks]
    length = max(asked) + longest
    first = rows.start(words)
    ids = torch.zeros(len(blocks), length, dtype=torch.long)
    for i, block in enumerate(blocks):
        ids[i, : asked[i]] = torch.tensor(block.asked)
    ids, at = ids.to(device), torch.tensor(asked, device=device)
    slot = torch.arange(length, device=device)
    segment, position = torch.ones_like(ids), (first + slot).expand(len(blocks), -1)
    connector = None
    if words.connector:
        empty = words.connector.encode("").ids
        prompts = [empty if blank else block.connector for block in blocks]
        connector = torch.full((len(blocks), 1, max(map(len, prompts))), rows.PADDING)
        for i, prompt in enumerate(prompts):
            connector[i, 0, : len(prompt)] = torch.tensor(prompt)
        connector = connector.to(device)
    before = torch.tensor(words.before, dtype=torch.long, device=device)
    visual = network.visual(patches, connector)[2]
    row, done = torch.arange(len(blocks), device=device), torch.zeros(len(blocks), dtype=torch.bool, device=device)
    for _ in range(longest):
        batch = {"ids": ids, "segment": segment, "position": position}
        token = network.text.logits(network.hidden(before, visual, batch)[row, at - 1]).argmax(-1)
        token = torch.where(done, words.end, token)
        done |= token == words.end
        ids[row, at] = token
        at = at + 1
        if bool(done.all()):
            break
    said = [line[n:].tolist() for line, n in zip(ids.cpu(), asked)]
    return [words.decode(line[: line.index(words.end)] if words.end in line else line) for line in said]


def iou(a, b) -> float:
    w, h = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    both = max(0.0, w) * max(0.0, h)
    area = lambda box: max(0.0, box[2] - box[0]) * max(0.0, box[3] - box[1])
    return both / (area(a) + area(b) - both) if both else 0.0


def overlaps(family: str, asked: list, answers: list[str]) -> list[float]:
    found = [wording.box_of(family, answer, one.size) for one, answer in zip(asked, answers)]
    return [iou(one.thing.box, box) if box else 0.0 for one, box in zip(asked, found)]


def score(family: str, task: str, asked: list, answers: list[str]) -> dict:
    """The share of exact answers, or for boxes the share with an IoU of at least 0.5, and their mean."""
    wanted = [wording.answer(family, one) for one in asked]
    if task in BOX_TASKS:
        shares = overlaps(family, asked, answers)
        right = [share >= 0.5 for share in shares]
        report = {"n": len(asked), "acc_0.5": sum(right) / len(asked), "mean_iou": sum(shares) / len(asked)}
    else:
        right = [answer == want for answer, want in zip(answers, wanted)]
        report = {"n": len(asked), "exact": sum(right) / len(asked)}
    wrong = [
        {"prompt": one.prompt, "want": want, "got": answer}
        for one, want, answer, ok in zip(asked, wanted, answers, right)
        if not ok
    ]
    return report | {"wrong": wrong[:8]}


def evaluate(network, words: rows.Words, held: Held, device, blank=False, batch=250) -> dict:
    report, family = {}, words.family
    for (task, lang), drawn in held.drawn.items():
        if task in BOX_TASKS and family not in wording.WITH_BOXES:
            continue
        asked = [one for _, one in drawn]
        blocks = [words.of(one) for one in asked]
        squares = held.arrays[task, lang][SQUARES[family]]
        answers = []
        for i in range(0, len(asked), batch):
            patches = torch.from_numpy(squares[i : i + batch]).to(device)
            some = blocks[i : i + batch]
            answers += generate(network, words, patches, some, LONGEST.get(task, 10), device, blank)
        report[f"{task}/{lang}"] = score(family, task, asked, answers)
    return report


def table(report: dict) -> str:
    return "  ".join(f"{name} {row.get('exact', row.get('acc_0.5')):.3f}" for name, row in report.items())
