"""What transformers' logits processors leave of random logits."""

import torch
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from paths import ORACLE, write_json

# temperature, top_k, top_p, repetition penalty
SETTINGS = [
    (1.0, 0, 1.0, 1.0),
    (0.7, 20, 0.8, 1.0),
    (0.6, 20, 0.95, 1.3),
    (1.7, 0, 0.5, 1.0),
    (0.2, 5, 1.0, 1.05),
    (1.0, 1, 1.0, 1.0),
    (1.0, 0, 0.0, 1.0),
    (0.9, 1000, 0.999, 0.8),
]


def processors(temperature, top_k, top_p, penalty) -> LogitsProcessorList:
    """In the order, and under the conditions, of `GenerationMixin._get_logits_processor`."""
    chain = LogitsProcessorList()
    if penalty != 1.0:
        chain.append(RepetitionPenaltyLogitsProcessor(penalty))
    if temperature != 1.0:
        chain.append(TemperatureLogitsWarper(temperature))
    if top_k != 0:
        chain.append(TopKLogitsWarper(top_k))
    if top_p < 1.0:
        chain.append(TopPLogitsWarper(top_p))
    return chain


def main() -> None:
    generator = torch.Generator().manual_seed(11)
    entries = []
    for size in (6, 50, 400):
        for setting in SETTINGS:
            logits = torch.randn(1, size, generator=generator) * 3
            # Equal logits, as low precision makes them.
            logits = torch.where(torch.rand(1, size, generator=generator) < 0.1, logits.round(), logits)
            context = torch.randint(size, (1, 9), generator=generator)
            scores = processors(*setting)(context, logits.clone())
            probabilities = scores.softmax(-1)[0]
            kept = torch.isfinite(scores[0]).nonzero()[:, 0].tolist()
            temperature, top_k, top_p, penalty = setting
            entries.append({
                "temperature": temperature, "top_k": top_k, "top_p": top_p, "repetition_penalty": penalty,
                "context": context[0].tolist(), "logits": logits[0].tolist(),
                "kept": kept, "probabilities": probabilities[kept].tolist(),
            })
    write_json(ORACLE / "sampling.json", entries)
