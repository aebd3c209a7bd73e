"""Training data without end: processes draw chunks of scenes and questions, the trainer keeps the last ones on the GPU.

A chunk is a fixed number of pictures and of packed rows about them. What a chunk holds depends on its number
alone. Which chunks are in the pool at a given step depends on how fast the machine draws.
"""

import multiprocessing
import random
from dataclasses import dataclass

import torch

from more_questions import ASKERS, ask_pair, make_pair
from packing import MIDDLE, PAIR_TEXT, PATCHES, PREFIX, TEXT, Packer, patches_of
from scenes import HELD_OUT_SEEDS, make_scene
from words import LANGUAGES

SINGLES = 144
PAIRS = 56
PICTURES = SINGLES + 2 * PAIRS
ROWS_PER_PICTURE = 2
ROWS_PER_PAIR = 2
ROWS = PICTURES * ROWS_PER_PICTURE
PAIR_ROWS = PAIRS * ROWS_PER_PAIR


@dataclass(frozen=True)
class Mix:
    """How often each kind is asked, and the share of the single pictures that are made for counting on top of chance."""

    shares: dict[str, float]
    counting: float = 0.0


# Boxes are learned last, so they are asked most.
EVEN = Mix({"ground": 0.36, "caption": 0.14, "count": 0.14, "colour": 0.13, "exist": 0.11, "fact": 0.12})
COUNTING = Mix({"ground": 0.18, "caption": 0.12, "count": 0.36, "colour": 0.10, "exist": 0.12, "fact": 0.12}, 0.4)
SYSTEM = (
    "You are a helpful assistant.",
    "You answer questions about pictures.",
    "Answer briefly.",
    "你是一个有用的助手。",
    "请简短回答。",
)
TURNS = 0.12

FIELDS = {
    "patches": ((PICTURES, PATCHES, 768), torch.uint8),
    "grid": ((PICTURES, 2), torch.int8),
    "prefix": ((ROWS, PREFIX), torch.int16),
    "text": ((ROWS, TEXT), torch.int16),
    "segment": ((ROWS, TEXT), torch.int8),
    "position": ((ROWS, TEXT), torch.int16),
    "target": ((ROWS, TEXT), torch.int16),
    "pair_prefix": ((PAIR_ROWS, PREFIX), torch.int16),
    "pair_middle": ((PAIR_ROWS, MIDDLE), torch.int16),
    "pair_text": ((PAIR_ROWS, PAIR_TEXT), torch.int16),
    "pair_segment": ((PAIR_ROWS, PAIR_TEXT), torch.int8),
    "pair_position": ((PAIR_ROWS, PAIR_TEXT), torch.int16),
    "pair_target": ((PAIR_ROWS, PAIR_TEXT), torch.int16),
}


def blocks(packer: Packer, rng: random.Random, ask, length: int) -> list:
    """Conversations of one or two turns, as many as fit."""
    found, seen, room, failures = [], set(), length - 1, 0
    while failures < 6:
        lang = rng.choice(LANGUAGES)
        wanted = 2 if rng.random() < TURNS else 1
        questions = [q for q in (ask(lang) for _ in range(wanted)) if q]
        turns = [(q.prompt, q.answer) for q in questions if q.prompt not in seen]
        block = packer.block(turns) if turns else ([], [])
        if not turns or len(block[0]) > room:
            failures += 1
            continue
        seen.update(prompt for prompt, _ in turns)
        room -= len(block[0])
        found.append(block)
    return found


def draw_single(packer, rng, mix, scene, out, row) -> None:
    names, shares = tuple(mix.shares), tuple(mix.shares.values())
    ask = lambda lang: ASKERS[rng.choices(names, shares)[0]](scene, rng, lang)
    system = rng.choice(SYSTEM) if rng.random() < 0.06 else None
    out["prefix"][row] = packer.prefix(system, numbered=rng.random() < 0.03)
    for name, column in zip(
        ("text", "segment", "position", "target"), packer.text(blocks(packer, rng, ask, TEXT), TEXT)
    ):
        out[name][row] = column


def draw_pair(packer, rng, scenes, out, row) -> None:
    ask = lambda lang: ask_pair(scenes, rng, lang)
    system, numbered = rng.choice(SYSTEM) if rng.random() < 0.06 else None, rng.random() < 0.12
    out["pair_prefix"][row] = packer.prefix(system, numbered)
    out["pair_middle"][row] = packer.middle(numbered)
    for name, column in zip(
        ("text", "segment", "position", "target"), packer.text(blocks(packer, rng, ask, PAIR_TEXT), PAIR_TEXT)
    ):
        out["pair_" + name][row] = column


def draw_chunk(number: int, packer: Packer, out: dict, mix: Mix = EVEN) -> None:
    """Chunk `number`, written into the arrays of `out`. Pair i has the pictures SINGLES + 2i and SINGLES + 2i + 1."""
    rng = random.Random(f"chunk/{number}")
    seed = HELD_OUT_SEEDS + number * PICTURES
    scenes = [make_scene(seed + i, "count" if i < SINGLES * mix.counting else None) for i in range(SINGLES)]
    pairs = [make_pair(seed + i) for i in range(PAIRS)]
    scenes += [scene for pair in pairs for scene in pair]
    for i, scene in enumerate(scenes):
        out["patches"][i], out["grid"][i] = patches_of(scene.render())
        for again in range(ROWS_PER_PICTURE):
            draw_single(packer, rng, mix, scene, out, i * ROWS_PER_PICTURE + again)
    for i, pair in enumerate(pairs):
        for again in range(ROWS_PER_PAIR):
            draw_pair(packer, rng, pair, out, i * ROWS_PER_PAIR + again)


def work(tokenizer, slots, free, ready, numbers, mix) -> None:
    torch.set_num_threads(1)
    packer = Packer(tokenizer)
    for number in numbers:
        slot = free.get()
        draw_chunk(number, packer, {name: tensor[slot].numpy() for name, tensor in slots.items()}, mix)
        ready.put(slot)


class Pool:
    """The newest `capacity` chunks on `device`. Make it before the first use of CUDA: it forks."""

    def __init__(self, tokenizer, workers: int, capacity: int, first: int = 0, mix: Mix = EVEN):
        context = multiprocessing.get_context("fork")
        self.capacity, self.filled, self.drawn = capacity, 0, 0
        count = 2 * workers
        self.slots = {
            name: torch.zeros((count, *shape), dtype=dtype).share_memory_() for name, (shape, dtype) in FIELDS.items()
        }
        self.free, self.ready = context.Queue(), context.Queue()
        for slot in range(count):
            self.free.put(slot)
        self.workers = []
        for i in range(workers):
            numbers = range(first + i, 1 << 20, workers)
            process = context.Process(
                target=work, args=(tokenizer, self.slots, self.free, self.ready, numbers, mix), daemon=True
            )
            process.start()
            self.workers.append(process)

    def on_device(self, device: str) -> None:
        self.tensors = {
            name: torch.zeros((self.capacity * shape[0], *shape[1:]), dtype=dtype, device=device)
            for name, (shape, dtype) in FIELDS.items()
        }
        self.device = device

    def take(self, wait: bool = False) -> None:
        """Moves all chunks that are ready into the pool, in place of the oldest."""
        while True:
            if not wait and self.ready.empty():
                return
            slot = self.ready.get()
            wait = False
            at = self.drawn % self.capacity
            for name, (shape, _) in FIELDS.items():
                self.tensors[name][at * shape[0] : (at + 1) * shape[0]].copy_(self.slots[name][slot])
            self.free.put(slot)
            self.drawn += 1
            self.filled = min(self.drawn, self.capacity)

    def stop(self) -> None:
        for process in self.workers:
            process.terminate()
