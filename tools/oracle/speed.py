"""How long transformers takes on this machine's CPU; the twin of examples/speed.rs.

Usage: python speed.py FOLDER IMAGE NEW_TOKENS   (threads: OMP_NUM_THREADS)
"""

import sys
import time
from pathlib import Path

import torch
from qwen3_vl import Reference

PROMPT = "Locate every car in the image. Report bbox coordinates in JSON format."


@torch.no_grad()
def once(reference: Reference, inputs, count: int) -> tuple[float, float, float]:
    model = reference.model
    started = time.perf_counter()
    model.model.get_image_features(inputs["pixel_values"], inputs["image_grid_thw"])
    vision = time.perf_counter() - started
    times = []
    model.model.rope_deltas = None
    stream = type("Clock", (), {"put": lambda self, _: times.append(time.perf_counter()), "end": lambda self: None})()
    started = time.perf_counter()
    model.generate(**inputs, max_new_tokens=count, min_new_tokens=count, do_sample=False, temperature=None, top_p=None, top_k=None, streamer=stream)
    # The streamer gets the prompt first, then each token.
    return vision, times[1] - started, times[-1] - times[1]


def main(folder: str, image: str, count: str) -> None:
    reference = Reference(Path(folder), attention="sdpa")
    turn = {"role": "User", "parts": [{"Image": 0}, {"Text": PROMPT}]}
    _, inputs = reference.prepare({"images": [image], "conversation": {"turns": [turn]}}, Path())
    best = min((once(reference, inputs, int(count)) for _ in range(20)), key=lambda times: times[1] + times[2])
    print(f"{inputs['input_ids'].shape[1]} prompt tokens; vision {best[0] * 1e3:.1f} ms, first token after {best[1] * 1e3:.1f} ms,",
          f"decode {best[2] * 1e3:.1f} ms for {int(count) - 1} steps")


if __name__ == "__main__":
    main(*sys.argv[1:])
