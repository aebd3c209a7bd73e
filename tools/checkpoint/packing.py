"""From pictures and questions to fixed-size arrays, and from those to sequences.

Several questions about one picture share a sequence:

    [prefix][picture][text: <|vision_end|> question answer | question answer | ...]

Each question sees the prefix, the picture and itself only, and its positions start right after the picture, so
it is computed exactly as if it stood alone; the picture is paid for once. A pair has a second picture and a
short text between the two.
"""

from dataclasses import dataclass

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer

from model import PATCH, PATCHES, SLOTS

MIN_PIXELS = 32 * 32 * 32
MAX_PIXELS = 32 * 32 * SLOTS
PREFIX = 24
MIDDLE = 8
TEXT = 384
PAIR_TEXT = 160
PADDING = -1
SHARED = 0


def smart_resize(height: int, width: int) -> tuple[int, int]:
    """The published rule: multiples of 32 within the pixel limits, the aspect nearly kept."""
    h, w = round(height / 32) * 32, round(width / 32) * 32
    if h * w > MAX_PIXELS:
        beta = (height * width / MAX_PIXELS) ** 0.5
        return max(32, int(height / beta // 32) * 32), max(32, int(width / beta // 32) * 32)
    if h * w < MIN_PIXELS:
        beta = (MIN_PIXELS / (height * width)) ** 0.5
        return int(-(-height * beta // 32)) * 32, int(-(-width * beta // 32)) * 32
    return h, w


def patches_of(image: Image.Image) -> tuple[np.ndarray, tuple[int, int]]:
    """The bytes of a picture as [PATCHES, 768], in the order of the 2x2 joins, and its grid of tokens."""
    height, width = smart_resize(image.height, image.width)
    pixels = np.asarray(image.convert("RGB").resize((width, height), Image.Resampling.BICUBIC))
    rows, columns = height // 32, width // 32
    blocks = (
        pixels.reshape(rows, 2, PATCH, columns, 2, PATCH, 3)
        .transpose(0, 3, 1, 4, 6, 2, 5)
        .reshape(-1, 3 * PATCH * PATCH)
    )
    out = np.zeros((PATCHES, 3 * PATCH * PATCH), np.uint8)
    out[: len(blocks)] = blocks
    return out, (rows, columns)


class Packer:
    """Turns questions into token arrays, in the words of the chat template."""

    def __init__(self, path):
        self.tokenizer = Tokenizer.from_file(str(path))
        special = self.tokenizer.token_to_id
        self.start, self.end = special("<|im_start|>"), special("<|im_end|>")
        self.vision_start, self.vision_end = special("<|vision_start|>"), special("<|vision_end|>")
        self.pad = special("<|endoftext|>")
        self.newline = self.encode("\n")
        self.to_assistant = [self.end, *self.newline, self.start, *self.encode("assistant\n")]
        self.to_user = [*self.newline, self.start, *self.encode("user\n")]

    def encode(self, text: str) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def decode(self, ids) -> str:
        return self.tokenizer.decode(list(ids), skip_special_tokens=True)

    def prefix(self, system: str | None = None, numbered: bool = False) -> np.ndarray:
        """All that stands before the first picture, at the end of its slots."""
        ids = [self.start, *self.encode("system\n" + system), self.end, *self.newline] if system else []
        ids += [self.start, *self.encode("user\nPicture 1: " if numbered else "user\n"), self.vision_start]
        if len(ids) > PREFIX:
            return self.prefix(None, numbered)
        return np.array([PADDING] * (PREFIX - len(ids)) + ids, np.int16)

    def middle(self, numbered: bool = False) -> np.ndarray:
        """All that stands between two pictures, at the end of its slots."""
        ids = [self.vision_end, *(self.encode("Picture 2: ") if numbered else []), self.vision_start]
        return np.array([PADDING] * (MIDDLE - len(ids)) + ids, np.int16)

    def block(self, turns) -> tuple[list[int], list[bool]]:
        """The ids of one conversation after its pictures, and which of them are to be learned."""
        ids, learned = [], []
        for i, (prompt, answer) in enumerate(turns):
            asked = (self.to_user if i else []) + self.encode(prompt) + self.to_assistant
            said = self.encode(answer) + [self.end] if answer is not None else []
            ids += asked + said
            learned += [False] * len(asked) + [True] * len(said)
        return ids, learned

    def text(self, blocks, length: int):
        """Ids, segments, positions and targets of as many blocks as fit into `length` slots."""
        ids = np.full(length, self.pad, np.int16)
        segment, position = np.full(length, PADDING, np.int8), np.zeros(length, np.int16)
        target = np.full(length, PADDING, np.int16)
        ids[0], segment[0], at, number = self.vision_end, SHARED, 1, 0
        for block_ids, learned in blocks:
            n = len(block_ids)
            if at + n > length:
                continue
            number += 1
            ids[at : at + n], segment[at : at + n] = block_ids, number
            position[at : at + n] = np.arange(1, n + 1)
            target[at : at + n - 1] = np.where(learned[1:], block_ids[1:], PADDING)
            at += n
        return ids, segment, position, target


@dataclass
class Batch:
    """Packed rows on a device. `first` and `second` index the encoded pictures; a single row has no second."""

    prefix: torch.Tensor
    text: torch.Tensor
    segment: torch.Tensor
    position: torch.Tensor
    first: torch.Tensor | slice
    grid: torch.Tensor
    middle: torch.Tensor | None = None
    second: torch.Tensor | slice | None = None
    second_grid: torch.Tensor | None = None

    def parts(self):
        """The sequence from left to right."""
        between = [] if self.middle is None else [("text", self.middle.clamp(min=0)), ("picture", self.second)]
        return [("text", self.prefix.clamp(min=0)), ("picture", self.first), *between, ("text", self.text)]

    def positions(self):
        """M-RoPE positions [B, 3, T]; each part starts after the largest position before it."""
        start = torch.zeros_like(self.grid[:, :1])
        axes = []
        start = self._ahead(axes, self.prefix, start)
        start = self._picture(axes, self.grid, start)
        if self.middle is not None:
            start = self._ahead(axes, self.middle, start)
            start = self._picture(axes, self.second_grid, start)
        axes.append((start + self.position)[:, None].expand(-1, 3, -1))
        return torch.cat(axes, dim=2).float()

    def _ahead(self, axes, ids, start):
        used = (ids >= 0).long()
        axes.append((start + (used.cumsum(1) - 1).clamp(min=0))[:, None].expand(-1, 3, -1))
        return start + used.sum(1, keepdim=True)

    def _picture(self, axes, grid, start):
        token = torch.arange(SLOTS, device=grid.device)
        row, column = token // grid[:, 1:2], token % grid[:, 1:2]
        axes.append(torch.stack((start.expand(-1, SLOTS), start + row, start + column), dim=1))
        return start + grid.amax(1, keepdim=True)

    def segments(self):
        """The segment of every slot [B, T]; padding has a negative one."""
        token = torch.arange(SLOTS, device=self.grid.device)
        hide = lambda used: torch.where(used, SHARED, PADDING)
        segments = [hide(self.prefix >= 0), hide(token < self.grid.prod(1, keepdim=True))]
        if self.middle is not None:
            segments += [hide(self.middle >= 0), hide(token < self.second_grid.prod(1, keepdim=True))]
        return torch.cat([s.long() for s in segments] + [self.segment.long()], dim=1)

    def allowed(self):
        """Which slot sees which [B, T, T]: earlier ones that are shared or of the same question."""
        segment = self.segments()
        query, key = segment[:, :, None], segment[:, None, :]
        slot = torch.arange(segment.shape[1], device=segment.device)
        causal = slot[:, None] >= slot[None, :]
        own = slot[:, None] == slot[None, :]
        return own | (causal & (key >= 0) & ((key == SHARED) | (key == query)))
