"""Records what a reference gives, for families whose language model reads embeddings.

A reference has: `prepare(case, pictures)` giving a `Prepared`, `stop` ids, `decode(ids)`, `vocabulary`, and
`model`, a transformers model whose `generate` and call take `inputs_embeds`.
"""

import copy
import zlib
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file

from paths import write_json

MIN_MARGIN = 0.004
BEAMS = [(length_penalty, early_stopping) for length_penalty in (-1.0, 0.0, 1.0) for early_stopping in (False, True)]


# Small products are slower on several threads.
torch.set_num_threads(1)


@dataclass
class Prepared:
    rendered: str
    ids: list[int]
    embeds: torch.Tensor
    """(1, tokens, hidden): with the pictures' features in their places."""
    penalised: list[int]
    """The ids that a repetition penalty counts beside the answer's own."""
    pixels: list[torch.Tensor] = field(default_factory=list)
    """Of each picture shown, as the tower reads them."""
    grid: tuple[int, int] = (0, 0)
    features: list[torch.Tensor] = field(default_factory=list)


class Noise:
    """Shakes the scores by more than rounding does: an answer that turns is not recorded."""

    def __init__(self, seed: int):
        self.generator = torch.Generator().manual_seed(seed)

    def __call__(self, _, scores):
        return scores + 1e-3 * (torch.rand(scores.shape, generator=self.generator) - 0.5)


class Penalty:
    """transformers' repetition penalty over a prompt that it does not see, and the answer."""

    def __init__(self, penalty: float, prompt: list[int]):
        self.penalty, self.prompt = penalty, prompt

    def __call__(self, answer, scores):
        ids = torch.cat([torch.tensor(self.prompt, dtype=torch.long).expand(len(answer), -1), answer], dim=1)
        found = torch.gather(scores, 1, ids)
        return scores.scatter(1, ids, torch.where(found < 0, found * self.penalty, found / self.penalty))


@torch.no_grad()
def generate(reference, prepared: list[Prepared], count: int, processors=(), **options):
    """Answers prompts of unequal length together, left-padded."""
    longest = max(p.embeds.shape[1] for p in prepared)
    embeds = torch.zeros(len(prepared), longest, prepared[0].embeds.shape[-1])
    mask = torch.zeros(len(prepared), longest, dtype=torch.long)
    for row, p in enumerate(prepared):
        embeds[row, longest - p.embeds.shape[1]:] = p.embeds[0]
        mask[row, longest - p.embeds.shape[1]:] = 1
    return reference.model.generate(
        inputs_embeds=embeds, attention_mask=mask, max_new_tokens=count, do_sample=False, temperature=None, top_p=None, top_k=None,
        eos_token_id=reference.stop, pad_token_id=reference.stop[0], logits_processor=list(processors), return_dict_in_generate=True,
        output_scores=True, **options,
    )


def cut(ids: list[int], stop: list[int]) -> list[int]:
    """Drops the padding behind the first stop token."""
    return ids[:next((index + 1 for index, id in enumerate(ids) if id in stop), len(ids))]


def greedy(reference, prepared: list[Prepared], count: int, penalty: float):
    """For each row the answer's ids, and the smallest lead of a chosen token."""
    processors = [Penalty(penalty, prepared[0].penalised)] if penalty != 1.0 else []
    result = generate(reference, prepared, count, processors)
    rows = [cut(row, reference.stop) for row in result.sequences.tolist()]
    top = torch.stack(result.scores).topk(2, dim=-1).values
    leads = (top[..., 0] - top[..., 1]).T
    return rows, [lead[:len(row)].min().item() for lead, row in zip(leads, rows)]


def beams(reference, name: str, prepared: Prepared, count: int) -> list[dict]:
    """The best of 3 beams for each setting, where noise does not turn it."""
    found = []
    for length_penalty, early_stopping in BEAMS:
        options = {"num_beams": 3, "length_penalty": length_penalty, "early_stopping": early_stopping}
        result = generate(reference, [prepared], count, **options)
        ids = cut(result.sequences[0].tolist(), reference.stop)
        shaken = [cut(generate(reference, [prepared], count, [Noise(seed)], **options).sequences[0].tolist(), reference.stop) for seed in range(2)]
        if all(other == ids for other in shaken):
            found.append({"case": name, **options, "early_stopping": "FirstFinished" if early_stopping else "Heuristic", "repetition_penalty": 1.0,
                          "min_new_tokens": 0, "max_new_tokens": count, "ids": ids, "score": result.sequences_scores[0].item()})
    return found


def frequent(reference, cases: list[dict], pictures: Path, count: int) -> list[int]:
    """The ids that answers have most often behind their second token: as stop tokens they end some beams, but not all."""
    prepared = [reference.prepare(case, pictures) for case in cases]
    answers = [greedy(reference, [p], 12, 1.0)[0][0] for p in prepared]
    first = {id for ids in answers for id in ids[:2]}
    return [id for id, _ in Counter(id for ids in answers for id in ids[2:] if id not in first).most_common(count)]


def cast(model, dtype):
    """A copy in another type, as `from_pretrained` makes it: rotary frequencies stay f32."""
    other = copy.deepcopy(model).to(dtype)
    for module in other.modules():
        if hasattr(module, "original_inv_freq"):
            module.inv_freq = module.original_inv_freq
    return other


@torch.no_grad()
def half_types(reference, cases: list[dict], pictures: Path, tensors: dict) -> dict[str, float]:
    """How far the reference's own logits in half types are from those in f32, at most, as a share of the logits' spread."""
    result = {}
    for name, dtype in (("F16", torch.float16), ("BF16", torch.bfloat16)):
        half = reference.cast(dtype)
        shares = []
        for case in cases:
            logits = half.model(inputs_embeds=half.prepare(case, pictures).embeds, logits_to_keep=1).logits[0, -1].float()
            expected = tensors[f"{case['name']}.logits"]
            shares.append(((logits - expected).abs().max() / (expected.max() - expected.min())).item())
        result[name] = max(shares)
    return result


@torch.no_grad()
def record(reference, cases: list[dict], pictures: Path, out: Path) -> None:
    entries, tensors, kept = [], {}, {}
    for case in cases:
        prepared, name = reference.prepare(case, pictures), case["name"]
        penalty = case.get("repetition_penalty", 1.0)
        [ids], [margin] = greedy(reference, [prepared], case["max_new_tokens"], penalty)
        if margin < MIN_MARGIN:
            print(f"  {name}: left out, a token leads by {margin:.5f} only")
            continue
        tensors[f"{name}.logits"] = reference.model(inputs_embeds=prepared.embeds, logits_to_keep=1).logits[0, -1].contiguous()
        tensors |= {f"{name}.{index}.tokens": features.contiguous().clone() for index, features in enumerate(prepared.features)}
        shown = [{"grid": list(prepared.grid), "crc32": zlib.crc32(p.contiguous().numpy().astype("<f4").tobytes()), "first_values": p.flatten()[:6].tolist()}
                 for p in prepared.pixels]
        entries.append({
            **case, "rendered": prepared.rendered, "input_ids": prepared.ids, "repetition_penalty": penalty, "greedy_ids": ids,
            "smallest_margin": margin, "text": reference.decode(ids), "shown": shown,
        })
        kept[name] = prepared
    groups = batches(reference, [entry for entry in entries if entry["repetition_penalty"] == 1.0], kept)
    searches = [search for entry in entries if entry.pop("beams", False) for search in beams(reference, entry["name"], kept[entry["name"]], 10)]
    stopped = sum(entry["greedy_ids"][-1] in reference.stop for entry in entries)
    print(f"{out.name}: {len(entries)} of {len(cases)} cases, {stopped} stop by themselves, {len(groups)} batches,",
          f"{len(searches)} beam searches ({sum(len(search['ids']) < 10 for search in searches)} stop); smallest margin {min(e['smallest_margin'] for e in entries):.4f}")
    halves = half_types(reference, entries, pictures, tensors)
    print(f"  half types differ by {halves} of the spread")
    write_json(out / "oracle.json", {"cases": entries, "batches": groups, "beams": searches, "half_types": halves})
    save_file(tensors, out / "oracle.safetensors")


def batches(reference, entries: list[dict], prepared: dict) -> list[dict]:
    found = []
    for start in range(0, min(len(entries), 12), 3):
        names = [entry["name"] for entry in entries[start:start + 3]]
        rows, margins = greedy(reference, [prepared[name] for name in names], 12, 1.0)
        if min(margins) >= MIN_MARGIN:
            found.append({"cases": names, "max_new_tokens": 12, "greedy_ids": rows})
    return found
