"""How long eyechart and transformers take on this machine's CPU: same checkpoint, same pixels and ids, same threads.

Usage: python speed.py SPEED_BINARY THREADS [MODEL..]

SPEED_BINARY is `target/release/examples/speed`. The shipped checkpoint is one of the models; the others are random, of a
small real model's sizes, made under /tmp/eyechart-speed. Each program's fastest of several rounds counts.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

import torch
from PIL import Image
from safetensors.torch import load_file
from transformers import AutoModelForImageTextToText

import blip2_checkpoints
import llava
from paths import ROOT

SCRATCH = Path("/tmp/eyechart-speed")
NEW_TOKENS = 33
ROUNDS = 10

TOWER = {"hidden_size": 384, "intermediate_size": 1536, "num_hidden_layers": 8, "num_attention_heads": 6, "image_size": 224, "patch_size": 14}
QFORMER = {"hidden_size": 256, "num_hidden_layers": 6, "num_attention_heads": 4, "intermediate_size": 1024}
LLAMA = {"hidden_size": 512, "intermediate_size": 1376, "num_hidden_layers": 8, "num_attention_heads": 8, "num_key_value_heads": 8, "max_position_embeddings": 2048}
TEXT = {
    "opt": {"hidden_size": 512, "num_hidden_layers": 8, "ffn_dim": 2048, "num_attention_heads": 8, "max_position_embeddings": 2048},
    "t5": {"d_model": 512, "d_kv": 64, "d_ff": 1024, "num_layers": 8, "num_decoder_layers": 8, "num_heads": 6},
    "llama": LLAMA,
}


def build_blip2(name: str, folder: Path) -> None:
    spec = blip2_checkpoints.CHECKPOINTS[name]
    spec |= {"vision": TOWER, "qformer": spec["qformer"] | QFORMER, "text": spec["text"] | TEXT[spec["text"]["model_type"]], "queries": 32, "end": 0.0}
    blip2_checkpoints.build(name, folder)


def build_llava(folder: Path) -> None:
    text = {key: value for key, value in llava.CHECKPOINTS["hub"]["text"].items() if key != "head_dim"} | LLAMA
    spec = llava.CHECKPOINTS["hub"] | {"vision": TOWER, "text": text}
    folder.mkdir(parents=True)
    llava.llama_tokenizer.train(folder)
    llava.save_hub(folder, spec, llava.model_of(spec, 480))
    llava.write_json(folder / "generation_config.json", {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0})


def folder_of(name: str) -> Path:
    if name == "qwen3-vl-tiny":
        return ROOT / "fixtures/models/qwen3-vl-tiny"
    folder = SCRATCH / name
    if not (folder / "config.json").exists():
        build_llava(folder) if name == "llava" else build_blip2(name, folder)
    return folder


def ours(binary: str, folder: Path, image: Path, threads: str) -> tuple[dict, dict]:
    probe = SCRATCH / "probe.safetensors"
    environment = os.environ | {"RAYON_NUM_THREADS": threads, "EYECHART_DEVICE": "cpu", "EYECHART_DTYPE": "f32"}
    command = [binary, str(folder), str(image), str(NEW_TOKENS), "--probe", str(probe)]
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1]), load_file(probe)


def inputs_of(probe: dict) -> dict:
    ids, pixels = probe["ids"].long()[None], probe["pixels"]
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids), "pixel_values": pixels if pixels.dim() == 2 else pixels.reshape(1, *pixels.shape[-3:])}
    if pixels.dim() == 2:
        inputs["image_grid_thw"] = torch.tensor([[1, *probe["grid"].tolist()]])
    if len(probe["connector_ids"]):
        inputs["qformer_input_ids"] = probe["connector_ids"].long()[None]
        inputs["qformer_attention_mask"] = torch.ones_like(inputs["qformer_input_ids"])
    return inputs


@torch.no_grad()
def theirs(folder: Path, probe: dict, threads: str) -> dict:
    torch.set_num_threads(int(threads))
    model = AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.float32, attn_implementation="sdpa" if "qformer" not in (folder / "config.json").read_text() else None)
    inputs = inputs_of(probe)
    if getattr(model.config, "image_token_id", 0) is None:  # a checkpoint from before transformers 4.47
        model.config.image_token_id = probe["ids"][0].item()
    greedy = dict(do_sample=False, temperature=None, top_p=None, top_k=None)
    # No token may end it early.
    run = lambda count: model.generate(**inputs, max_new_tokens=count, min_new_tokens=count, **greedy)
    one, all_tokens = fastest(lambda: run(1)), fastest(lambda: run(NEW_TOKENS))
    return {"first_token_ms": one * 1e3, "step_ms": (all_tokens - one) * 1e3 / (NEW_TOKENS - 1)}


def fastest(work) -> float:
    times = []
    for _ in range(ROUNDS):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return min(times)


def main(binary: str, threads: str, *names: str) -> None:
    SCRATCH.mkdir(exist_ok=True)
    image = SCRATCH / "picture.png"
    Image.open(ROOT / "fixtures/oracle/pictures/photo.jpg").convert("RGB").resize((448, 336)).save(image)
    print(f"{'model':22} {'tokens':>6}  first token, ms: ours, theirs, ratio    decode step, ms: ours, theirs, ratio")
    for name in names or ("qwen3-vl-tiny", "llava", "blip2/opt", "blip2/t5", "instruct_blip/vicuna", "instruct_blip/t5"):
        folder = folder_of(name)
        mine, probe = ours(binary, folder, image, threads)
        reference = theirs(folder, probe, threads)
        cells = [f"{mine[key]:10.1f} {reference[key]:8.1f} {reference[key] / mine[key]:6.2f}" for key in ("first_token_ms", "step_ms")]
        print(f"{name:22} {len(probe['ids']):6}  {'    '.join(cells)}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
