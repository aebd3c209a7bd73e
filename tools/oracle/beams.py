"""Beam search by transformers on the random and the trained Qwen3-VL checkpoints. Usage: python beams.py [trained]

`entries` serves other families as well: it needs a function that generates.
"""

import json
import sys
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Callable

import torch
from transformers import LogitsProcessor, LogitsProcessorList

from paths import ORACLE, PICTURES, ROOT, write_json

# An answer is recorded if it stays the same when every log probability moves by up to this much, in each of so many
# draws: then neither a choice of candidates, nor of the finished, nor the moment of stopping hangs on rounding.
NOISE = 0.002
DRAWS = 2

NAMES = {False: "Heuristic", True: "FirstFinished", "never": "Never"}


def settings(limit: int) -> list[dict]:
    """Options of `generate`: the grid of what decides a search, then penalties and bounds."""
    base = {"num_beams": 3, "length_penalty": 1.0, "early_stopping": False, "repetition_penalty": 1.0, "min_new_tokens": 0, "max_new_tokens": limit}
    grid = [base | {"num_beams": beams, "length_penalty": penalty, "early_stopping": stopping}
            for beams, penalty, stopping in product((2, 3, 5), (-1.0, 0.0, 1.0, 2.0), (False, True, "never"))]
    more = [base | {"repetition_penalty": 1.3}, base | {"num_beams": 5, "repetition_penalty": 1.5, "early_stopping": True},
            base | {"min_new_tokens": limit - 2}, base | {"num_beams": 5, "min_new_tokens": limit // 2, "length_penalty": -1.0},
            base | {"max_new_tokens": 1}, base | {"num_beams": 4, "max_new_tokens": 5, "length_penalty": 0.5},
            base | {"num_beams": 1, "min_new_tokens": limit - 2}, base | {"num_beams": 1, "min_new_tokens": limit, "repetition_penalty": 1.2}]
    return grid + more


class Noise(LogitsProcessor):
    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, input_ids, scores):
        return scores + NOISE * (2 * torch.rand(scores.shape, generator=self.generator) - 1)


def entries(generate: Callable, names: list[str], limit: int) -> list[dict]:
    """What `generate(name, **options)` answers for each case and setting; it gives ids and the score of the sequence,
    or none for the score of a greedy answer."""
    result, left_out = [], 0
    every = settings(limit)
    # All of them for the first case, every fourth for the others.
    asked = [(names[0], setting) for setting in every] + [(name, setting) for at, name in enumerate(names[1:]) for setting in every[at % 4::4]]
    for name, setting in asked:
        ids, score = generate(name, **setting)
        noisy = (generate(name, **setting, logits_processor=LogitsProcessorList([Noise(seed)]))[0] for seed in range(DRAWS))
        if any(other != ids for other in noisy):
            left_out += 1
            continue
        result.append({"case": name, **setting, "early_stopping": NAMES[setting["early_stopping"]], "ids": ids, "score": score})
    print(f"  {len(result)} searches, {left_out} left out for near-ties, {sum(len(e['ids']) < e['max_new_tokens'] for e in result)} end by themselves,",
          f"{len({(e['case'], tuple(e['ids'])) for e in result})} different answers")
    return result


def generator(reference, inputs: dict) -> Callable:
    @torch.no_grad()
    def generate(name: str, **options):
        reference.model.model.rope_deltas = None
        result = reference.model.generate(
            **inputs[name], do_sample=False, temperature=None, top_p=None, top_k=None, eos_token_id=reference.stop,
            pad_token_id=reference.processor.tokenizer.pad_token_id, return_dict_in_generate=True, output_scores=True, **options,
        )
        score = result.sequences_scores[0].item() if options["num_beams"] > 1 else None
        return result.sequences[0, inputs[name]["input_ids"].shape[1]:].tolist(), score

    return generate


def frequent(generate: Callable, names: list[str], limit: int, count: int) -> list[int]:
    """The ids that answers have most often behind their second token: as stop tokens they end some beams, but not all."""
    answers = [generate(name, num_beams=beams, max_new_tokens=limit)[0] for name in names for beams in (2, 5)]
    first = {id for ids in answers for id in ids[:2]}
    return [id for id, _ in Counter(id for ids in answers for id in ids[2:] if id not in first).most_common(count)]


def record(folder: Path, pictures: Path, out: Path, names: list[str], limit: int, more_stops: int = 0) -> None:
    from qwen3_vl import Reference

    reference = Reference(folder)
    asked = {case["name"]: case for case in cases(out)}
    inputs = {name: reference.prepare(asked[name], pictures)[1] for name in names}
    generate = generator(reference, inputs)
    # A random checkpoint hardly ever stops.
    reference.stop = reference.stop + frequent(generate, names, limit, more_stops)
    print(out.name, reference.stop)
    write_json(out / "beams.json", {"stop": reference.stop, "searches": entries(generate, names, limit)})


def cases(folder: Path) -> list[dict]:
    return json.loads((folder / "oracle.json").read_text(encoding="utf-8"))["cases"]


def known(folder: Path) -> list[str]:
    return [case["name"] for case in cases(folder)]


def random_checkpoints() -> None:
    for name in ("tied", "untied", "bf16"):
        folder = ORACLE / "qwen3_vl" / name
        names = known(folder)
        record(folder, PICTURES, folder, [names[0], names[-1], *(n for n in names if n.startswith("two_images"))][:3], 10, more_stops=4)


def trained() -> None:
    prompts = json.loads((Path(__file__).parent / "trained_prompts.json").read_text(encoding="utf-8"))
    folder = ORACLE / "qwen3_vl" / "trained"
    # Short answers: they end by themselves.
    short = [case["name"] for case in cases(folder) if 3 <= len(case["greedy_ids"]) <= 6]
    record(ROOT / prompts["checkpoint"], ROOT / prompts["pictures"], folder, short[:2], 12)


if __name__ == "__main__":
    torch.set_num_threads(1)
    trained()
    if sys.argv[1:] != ["trained"]:
        random_checkpoints()
