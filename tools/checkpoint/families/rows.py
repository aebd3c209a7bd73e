"""From questions about one picture to one row of tokens: all questions see the picture and themselves only.

    [before][visual tokens][text: question answer | question answer | ...]

Positions of a question start right behind the picture, so that it is computed as if it stood alone.
InstructBLIP's visual tokens depend on the question: there the questions have `queries` visual tokens each.
"""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from tokenizers import Tokenizer

import wording
from squares import PATCHES

QUESTIONS = 8
# Longest prompt that the Q-Former reads, and slots for the questions of one picture.
CONNECTOR = 56
TEXT = {"llava": 303, "blip2": 176, "instructblip": 176, "minigpt-v2": 332}
QUERIES = {"blip2": 16, "instructblip": 8}
VISUAL = {"llava": PATCHES, "blip2": 16, "instructblip": 8 * QUESTIONS, "minigpt-v2": PATCHES // 4}
PADDING = -1


@dataclass(frozen=True)
class Block:
    """One question with its answer, which ends with a stop token."""

    asked: tuple[int, ...]
    said: tuple[int, ...]
    connector: tuple[int, ...]


class Words:
    """The tokens of one family's prompts and answers."""

    def __init__(self, family: str, models: Path):
        folder = models / f"{family}-tiny"
        self.family = family
        # MiniGPT-v2 has a `tokenizer.model` only; LLaVA's file is the same one converted.
        file = (models / "llava-tiny" if family == "minigpt-v2" else folder) / "tokenizer.json"
        self.tokenizer = Tokenizer.from_file(str(file))
        self.connector = None
        if family == "instructblip":
            self.connector = Tokenizer.from_file(str(folder / "qformer_tokenizer" / "tokenizer.json"))
        self.before = [] if family in QUERIES else self.tokenizer.encode(wording.BEFORE[family]).ids
        self.end = self.tokenizer.token_to_id("Ċ" if family == "blip2" else "</s>")
        self.block = lru_cache(1 << 16)(self.block)

    def encode(self, text: str, begin: bool = False) -> list[int]:
        return self.tokenizer.encode(text, add_special_tokens=begin).ids

    def block(self, behind: str, answer: str) -> Block:
        begin = self.family in QUERIES
        asked = self.encode(behind, begin)
        if self.family == "minigpt-v2":
            said = self.encode(answer)
        else:
            whole = self.encode(f"{behind} {answer}", begin)
            assert whole[: len(asked)] == asked, (behind, answer)
            said = whole[len(asked) :]
        connector = self.connector.encode(behind).ids if self.connector else []
        return Block(tuple(asked), (*said, self.end), tuple(connector))

    def of(self, asked) -> Block:
        return self.block(wording.behind(self.family, asked), wording.answer(self.family, asked))

    def decode(self, ids) -> str:
        return self.tokenizer.decode(list(ids), skip_special_tokens=True).strip()


def fields(family: str) -> dict:
    """The arrays of one row: shape and type."""
    length = TEXT[family]
    found = {
        "ids": ((length,), np.int16),
        "segment": ((length,), np.int8),
        "position": ((length,), np.int16),
        "target": ((length,), np.int16),
        "answer_length": ((length,), np.int8),
    }
    if family == "instructblip":
        found["connector"] = ((QUESTIONS, CONNECTOR), np.int16)
    return found


def start(words: Words) -> int:
    """The position of a question's first token."""
    return QUERIES[words.family] if words.family == "instructblip" else len(words.before) + VISUAL[words.family]


def fill(words: Words, blocks: list[Block], out: dict, row: int) -> None:
    """Writes as many blocks as fit into row `row` of the arrays `out`."""
    length, first, at, number = out["ids"].shape[1], start(words), 0, 0
    out["ids"][row], out["position"][row], out["answer_length"][row] = 0, 0, 1
    out["segment"][row], out["target"][row] = PADDING, PADDING
    if words.connector:
        out["connector"][row] = PADDING
    for block in blocks:
        ids = block.asked + block.said
        n, asked = len(ids), len(block.asked)
        if at + n > length or len(block.connector) > CONNECTOR or number == QUESTIONS:
            continue
        if words.connector:
            out["connector"][row, number, : len(block.connector)] = block.connector
        number += 1
        out["ids"][row, at : at + n], out["segment"][row, at : at + n] = ids, number
        out["position"][row, at : at + n] = np.arange(first, first + n)
        out["target"][row, at + asked - 1 : at + n - 1] = ids[asked:]
        out["answer_length"][row, at + asked - 1 : at + n - 1] = n - asked
        at += n
