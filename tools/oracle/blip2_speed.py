"""How long transformers takes for BLIP-2 or InstructBLIP on this machine's CPU; the twin of examples/speed.rs.

Usage: python blip2_speed.py build NAME FOLDER               (a larger checkpoint of the kind NAME, such as blip2/opt)
       python blip2_speed.py NAME FOLDER IMAGE NEW_TOKENS    (threads: OMP_NUM_THREADS)
"""

import os
import sys
import time
from pathlib import Path

import torch
from PIL import Image

import blip2_checkpoints
from blip2 import Reference

PROMPT = "Locate every car in the image. Report bbox coordinates in JSON format."

# Sizes of a small real model.
VISION = {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 6, "image_size": 224, "patch_size": 14}
QFORMER = {"hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4, "intermediate_size": 1024}
TEXT = {
    "opt": {"hidden_size": 512, "num_hidden_layers": 8, "ffn_dim": 2048, "num_attention_heads": 8, "max_position_embeddings": 2048},
    "t5": {"d_model": 512, "d_kv": 64, "d_ff": 1024, "num_layers": 8, "num_decoder_layers": 8, "num_heads": 6},
    "llama": {"hidden_size": 512, "intermediate_size": 1376, "num_hidden_layers": 8, "num_attention_heads": 8, "num_key_value_heads": 8,
              "max_position_embeddings": 2048},
}


def build(name: str, folder: str) -> None:
    spec = blip2_checkpoints.CHECKPOINTS[name]
    spec |= {"vision": VISION, "qformer": spec["qformer"] | QFORMER, "text": spec["text"] | TEXT[spec["text"]["model_type"]], "queries": 32, "end": 0.0}
    blip2_checkpoints.build(name, Path(folder))


@torch.no_grad()
def once(reference: Reference, inputs, count: int) -> tuple[float, float, float]:
    started = time.perf_counter()
    reference.model.vision_model(inputs["pixel_values"])
    vision = time.perf_counter() - started
    times = []
    stream = type("Clock", (), {"put": lambda self, _: times.append(time.perf_counter()), "end": lambda self: None})()
    started = time.perf_counter()
    reference.model.generate(**inputs, max_new_tokens=count, min_new_tokens=count, do_sample=False, streamer=stream)
    # The streamer gets the prompt first, then each token.
    return vision, times[1] - started, times[-1] - times[1]


def main(name: str, folder: str, image: str, count: str) -> None:
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", "1")))
    blip2_checkpoints.CHECKPOINTS[name]["queries"] = 32
    reference = Reference(name, Path(folder), attention=None)
    inputs = reference.prepare([PROMPT], [Image.open(image).convert("RGB")])
    best = min((once(reference, inputs, int(count)) for _ in range(20)), key=lambda times: times[1] + times[2])
    print(f"{inputs['input_ids'].shape[1]} prompt tokens; tower {best[0] * 1e3:.1f} ms, first token after {best[1] * 1e3:.1f} ms,",
          f"decode {best[2] * 1e3:.1f} ms for {int(count) - 1} steps")


if __name__ == "__main__":
    if sys.argv[1] == "build":
        build(*sys.argv[2:])
    else:
        main(*sys.argv[1:])
