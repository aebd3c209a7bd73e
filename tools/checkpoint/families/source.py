"""Training data without end: processes draw scenes and questions once, and every family reads the same ones.

What a chunk holds depends on its number alone. Each drawing process owns a few slots of shared memory and
overwrites its oldest; a reader copies what is new, and drops a chunk that was overwritten while it read.
"""

import mmap
import multiprocessing
import random
from pathlib import Path

import numpy as np
import torch

import asking
import rows
import wording
from scenes import HELD_OUT_SEEDS, make_scene
from squares import LABELS, PATCHES, PIXELS, RANKS, labels_of, padded, patches_of

PICTURES = 96
SLOTS = 4
COUNTING = 0.35
GENERAL, BOXES = 7, 2
# What is asked: questions without boxes, and boxes.
PRESETS = (asking.MIX, {"box": 1})
MIXED = (asking.MIX | asking.MIX_WRITTEN, {"box": 1, "box-written": 1})
SQUARES = {"llava": "pad", "blip2": "squash", "instructblip": "squash", "minigpt-v2": "squash"}


def layout() -> dict:
    """Name of every array of a chunk: shape and type."""
    found = {}
    for square in ("pad", "squash"):
        found[f"{square}/patches"] = ((PICTURES, PATCHES, PIXELS), np.uint8)
        found[f"{square}/at_patch"] = ((PICTURES, PATCHES, LABELS), np.uint8)
        found[f"{square}/of_thing"] = ((PICTURES, RANKS, LABELS), np.uint8)
    for family in wording.FAMILIES:
        for name, (shape, dtype) in rows.fields(family).items():
            found[f"{family}/{name}"] = ((PICTURES, *shape), dtype)
    return found


def shared(shape, dtype) -> np.ndarray:
    """Zeros that forked processes share."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return np.frombuffer(mmap.mmap(-1, count), dtype).reshape(shape)


def draw_chunk(number: int, words: dict, out: dict, tasks: tuple[dict, dict] = MIXED) -> None:
    rng = random.Random(f"families/{number}")
    seed = HELD_OUT_SEEDS + number * PICTURES
    for i in range(PICTURES):
        scene = make_scene(seed + i, "count" if i < PICTURES * COUNTING else None)
        image = scene.render()
        for square, picture in (("pad", padded(image)), ("squash", image)):
            out[f"{square}/patches"][i] = patches_of(picture)
            out[f"{square}/at_patch"][i], out[f"{square}/of_thing"][i] = labels_of(scene, square == "pad")
        general = asking.draw(scene, rng, tasks[0], GENERAL)
        boxes = asking.draw(scene, rng, tasks[1], BOXES)
        for family in wording.FAMILIES:
            # Where boxes are asked for, they take the place of the last question.
            asked = boxes + general[: GENERAL - 1] if family in wording.WITH_BOXES else general
            arrays = {name: out[f"{family}/{name}"] for name in rows.fields(family)}
            rows.fill(words[family], [words[family].of(one) for one in asked], arrays, i)


def work(models: Path, arrays: dict, numbers: np.ndarray, worker: int, workers: int, first: int, tasks) -> None:
    torch.set_num_threads(1)
    words = {family: rows.Words(family, models) for family in wording.FAMILIES}
    for count, number in enumerate(range(first + worker, 1 << 24, workers)):
        slot = worker * SLOTS + count % SLOTS
        numbers[slot] = -1
        draw_chunk(number, words, {name: array[slot] for name, array in arrays.items()}, tasks)
        numbers[slot] = number


class Source:
    """The drawing processes. Make it before the first use of CUDA: it forks."""

    def __init__(self, models: Path, workers: int, first: int = 0, tasks: tuple[dict, dict] = MIXED):
        context = multiprocessing.get_context("fork")
        self.arrays = {name: shared((workers * SLOTS, *shape), dtype) for name, (shape, dtype) in layout().items()}
        self.numbers = shared((workers * SLOTS,), np.int64)
        self.numbers[:] = -1
        self.workers = [
            context.Process(
                target=work, args=(models, self.arrays, self.numbers, i, workers, first, tasks), daemon=True
            )
            for i in range(workers)
        ]
        for process in self.workers:
            process.start()

    def stop(self) -> None:
        for process in self.workers:
            process.terminate()


class Pool:
    """One family's newest `capacity` chunks on `device`."""

    def __init__(self, source: Source, family: str, capacity: int, device: str):
        self.source, self.capacity, self.drawn = source, capacity, 0
        square = SQUARES[family]
        names = [name for name in source.arrays if name.split("/")[0] in (square, family)]
        self.names = {name: name.split("/")[1] for name in names}
        self.tensors = {
            short: torch.zeros(
                (capacity * PICTURES, *source.arrays[name].shape[2:]),
                dtype=torch.from_numpy(source.arrays[name][:1]).dtype,
                device=device,
            )
            for name, short in self.names.items()
        }
        self.seen = set()

    @property
    def filled(self) -> int:
        return min(self.drawn, self.capacity)

    def take(self, most: int = 1000) -> int:
        """Copies up to `most` new chunks in place of the oldest; how many it were."""
        taken = 0
        for slot, number in enumerate(self.source.numbers.tolist()):
            if number < 0 or number in self.seen or taken == most:
                continue
            at = self.drawn % self.capacity * PICTURES
            for name, short in self.names.items():
                self.tensors[short][at : at + PICTURES].copy_(torch.from_numpy(self.source.arrays[name][slot]))
            if self.source.numbers[slot] == number:
                self.seen.add(number)
                self.drawn += 1
                taken += 1
        return taken
