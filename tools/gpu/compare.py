"""Full-size random checkpoints: eyechart and transformers on the same files, pixels and ids, on one GPU.

Usage: python compare.py MODEL SPEED_BINARY OUT.json [--batch 1 8 32] [--new 65] [--compiled]
MODEL is a name of MODELS. Makes the checkpoint under /tmp, runs the example `speed` on it, then transformers: the
first logits and the greedy ids are compared, and the times of both are written side by side.
"""

import argparse
import inspect
import json
import os
import subprocess
import time
from pathlib import Path

import torch
from PIL import Image, ImageDraw
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForImageTextToText

import minigpt_v2

ROOT = Path(__file__).resolve().parents[2]


def enlarged(source: str, side: tuple[int, int], preprocessor: dict, **parts) -> dict:
    """The configuration of a small checkpoint with full-size numbers. Its tokenizer, and so the special ids, stay."""
    source = ROOT / "fixtures" / source
    config = json.loads((source / "config.json").read_text())
    for name, value in parts.items():
        config[name] = config[name] | value if isinstance(value, dict) else value
    config.get("text_config", {}).pop("head_dim", None) if "head_dim" not in parts.get("text_config", {}) else None
    return {"source": source, "config": config, "side": side, "preprocessor": preprocessor}


def qwen3_vl(text: dict, vision: dict) -> dict:
    text = {
        "vocab_size": 151936, "head_dim": 128, "num_key_value_heads": 8, "rms_norm_eps": 1e-6, "rope_theta": 5000000,
        "max_position_embeddings": 262144, "rope_scaling": {"rope_type": "default", "mrope_interleaved": True, "mrope_section": [24, 20, 20]},
    } | text
    vision = {"num_position_embeddings": 2304, "out_hidden_size": text["hidden_size"]} | vision
    # The published pixel limits; those of the small checkpoint would shrink the picture.
    limits = {"size": {"shortest_edge": 65536, "longest_edge": 16777216}}
    return enlarged("models/qwen3-vl-tiny", (640, 480), limits, text_config=text, vision_config=vision)


SMALL_TOWER = {"depth": 24, "hidden_size": 1024, "intermediate_size": 4096, "num_heads": 16, "deepstack_visual_indexes": [5, 11, 17]}
LARGE_TOWER = {"depth": 27, "hidden_size": 1152, "intermediate_size": 4304, "num_heads": 16, "deepstack_visual_indexes": [8, 16, 24]}
LLAMA_7B = {"hidden_size": 4096, "intermediate_size": 11008, "num_hidden_layers": 32, "num_attention_heads": 32, "num_key_value_heads": 32, "max_position_embeddings": 4096}
EVA = {"hidden_size": 1408, "intermediate_size": 6144, "num_hidden_layers": 39, "num_attention_heads": 16, "image_size": 224, "patch_size": 14, "initializer_range": 0.02}
QFORMER = {"hidden_size": 768, "intermediate_size": 3072, "num_hidden_layers": 12, "num_attention_heads": 12, "encoder_hidden_size": 1408, "cross_attention_frequency": 2, "max_position_embeddings": 512}
SQUARE = {"size": {"height": 224, "width": 224}}


def llava_7b() -> dict:
    clip = {"hidden_size": 1024, "intermediate_size": 4096, "num_hidden_layers": 24, "num_attention_heads": 16, "image_size": 336, "patch_size": 14}
    sizes = {"size": {"shortest_edge": 336}, "crop_size": {"height": 336, "width": 336}}
    return enlarged("oracle/llava/hub", (640, 480), sizes, text_config=LLAMA_7B | {"vocab_size": 32064}, vision_config=clip)


def blip(source: str, text: dict) -> dict:
    return enlarged(f"oracle/{source}", (640, 480), SQUARE, num_query_tokens=32, vision_config=EVA, qformer_config=QFORMER, text_config=text)


OPT = {"hidden_size": 2560, "word_embed_proj_dim": 2560, "ffn_dim": 10240, "num_hidden_layers": 32, "num_attention_heads": 32, "max_position_embeddings": 2048, "vocab_size": 50272}
T5 = {"d_model": 2048, "d_kv": 64, "d_ff": 5120, "num_layers": 24, "num_decoder_layers": 24, "num_heads": 32, "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128, "vocab_size": 32128}
MODELS = {
    "qwen3-vl-2b": lambda: qwen3_vl({"hidden_size": 2048, "intermediate_size": 6144, "num_hidden_layers": 28, "num_attention_heads": 16}, SMALL_TOWER),
    "qwen3-vl-8b": lambda: qwen3_vl({"hidden_size": 4096, "intermediate_size": 12288, "num_hidden_layers": 36, "num_attention_heads": 32}, LARGE_TOWER),
    "llava-1.5-7b": llava_7b,
    "blip2-opt-2.7b": lambda: blip("blip2/opt", OPT),
    "blip2-flan-t5-xl": lambda: blip("blip2/t5", T5),
    "minigpt-v2": lambda: {"source": ROOT / "fixtures/oracle/minigpt_v2/published", "config": {}, "side": (640, 480), "parts": minigpt_v2},
    "instructblip-vicuna-7b": lambda: blip("instruct_blip/vicuna", LLAMA_7B | {"vocab_size": 32001}),
}


def text_config_of(recipe: dict) -> dict:
    return recipe["config"].get("text_config", {})


def update(path: Path, fields: dict) -> None:
    if path.exists():
        path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def make_checkpoint(name: str, folder: Path) -> tuple[Path, dict]:
    recipe = MODELS[name]()
    if "parts" in recipe:
        recipe["parts"].make_checkpoint(recipe["source"], folder)
        torch.cuda.empty_cache()
        return folder, recipe
    folder.mkdir(parents=True, exist_ok=True)
    left_out = ("evaluation.json", "oracle.json", "model.safetensors.index.json")
    for file in recipe["source"].rglob("*"):
        if file.suffix in (".json", ".txt", ".jinja", ".model") and file.name not in left_out:
            copy = folder / file.relative_to(recipe["source"])
            copy.parent.mkdir(exist_ok=True)
            copy.write_bytes(file.read_bytes())
    update(folder / "preprocessor_config.json", recipe["preprocessor"])
    if "num_query_tokens" in recipe["config"]:
        update(folder / "processor_config.json", {"num_query_tokens": recipe["config"]["num_query_tokens"]})
    published = json.dumps(recipe["config"], indent=1)
    (folder / "config.json").write_text(published)
    torch.manual_seed(7)
    config = AutoConfig.from_pretrained(folder)
    with torch.device("cuda"):
        torch.set_default_dtype(torch.bfloat16)
        model = AutoModelForImageTextToText.from_config(config)
        torch.set_default_dtype(torch.float32)
    if text_config_of(recipe).get("model_type") == "t5":
        # Published Flan-T5 has a head of its own, which transformers 5 ties for a model that it makes itself.
        head = model.language_model.lm_head
        head.weight = torch.nn.Parameter(torch.randn_like(head.weight) * 0.02)
    model.to(torch.bfloat16).save_pretrained(folder)
    # What transformers writes today is not what is published.
    (folder / "config.json").write_text(published)
    del model
    torch.cuda.empty_cache()
    return folder, recipe


def draw(path: Path, side: tuple[int, int]) -> Path:
    picture = Image.new("RGB", side, (90, 140, 200))
    pen = ImageDraw.Draw(picture)
    for index in range(40):
        x, y = index * 37 % side[0], index * 53 % side[1]
        pen.ellipse((x, y, x + 60, y + 40), fill=(index * 6 % 256, index * 31 % 256, index * 17 % 256))
    picture.save(path)
    return path


def ours(binary: str, folder: Path, image: Path, args) -> tuple[list[dict], dict]:
    probe = Path("/tmp/probe.safetensors")
    command = [binary, str(folder), str(image), str(args.new), "--probe", str(probe)]
    for batch in args.batch:
        command += ["--batch", str(batch)]
    environment = os.environ | {"EYECHART_DEVICE": "cuda", "EYECHART_DTYPE": "bf16"}
    done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, text=True, check=True)
    return [json.loads(line) for line in done.stdout.splitlines()], load_file(probe)


def inputs_of(model, probe: dict, batch: int) -> dict:
    ids = probe["ids"].long().cuda()[None].repeat(batch, 1)
    inputs = {"input_ids": ids, "attention_mask": torch.ones_like(ids)}
    pixels = probe["pixels"].cuda().to(torch.bfloat16)
    if pixels.dim() == 2:
        rows, columns = probe["grid"].tolist()
        inputs["pixel_values"] = pixels.repeat(batch, 1)
        inputs["image_grid_thw"] = torch.tensor([[1, rows, columns]], device="cuda").repeat(batch, 1)
    else:
        inputs["pixel_values"] = pixels.reshape(1, *pixels.shape[-3:]).repeat(batch, 1, 1, 1)
    if len(probe["connector_ids"]):
        inputs["qformer_input_ids"] = probe["connector_ids"].long().cuda()[None].repeat(batch, 1)
        inputs["qformer_attention_mask"] = torch.ones_like(inputs["qformer_input_ids"])
    if "mm_token_type_ids" in inspect.signature(model.forward).parameters:
        inputs["mm_token_type_ids"] = (ids == model.config.image_token_id).int()
    return inputs


def timed(work, rounds: int = 5) -> float:
    best = float("inf")
    for _ in range(rounds):
        torch.cuda.synchronize()
        started = time.perf_counter()
        work()
        torch.cuda.synchronize()
        best = min(best, time.perf_counter() - started)
    return best


def first_logits(model, inputs: dict):
    """What the first new token is chosen by, in any family."""
    made = model.generate(**inputs, max_new_tokens=1, do_sample=False, output_logits=True, return_dict_in_generate=True)
    return made.logits[0][0].float().cpu()


def load(folder: Path, name: str):
    if name == "minigpt-v2":
        return minigpt_v2.load(folder)
    # transformers has no sdpa for the Q-Former.
    attention = {} if "qformer" in (folder / "config.json").read_text() else {"attn_implementation": "sdpa"}
    return AutoModelForImageTextToText.from_pretrained(folder, dtype=torch.bfloat16, device_map="cuda", **attention)


@torch.no_grad()
def theirs(folder: Path, probe: dict, args) -> dict:
    model = load(folder, args.model)
    if getattr(model.config, "image_token_id", 0) is None:  # a checkpoint from before transformers 4.47
        model.config.image_token_id = probe["ids"][0].item()
    result = {"batches": []}
    inputs = inputs_of(model, probe, 1)
    result["logits"] = first_logits(model, inputs)
    wide = {key: value.float() if value.is_floating_point() else value for key, value in inputs.items()}
    result["exact"] = first_logits(model.float(), wide)
    model.to(torch.bfloat16)
    greedy = dict(do_sample=False, temperature=None, top_p=None, top_k=None)
    made = model.generate(**inputs, max_new_tokens=args.new, min_new_tokens=args.new, output_logits=True, return_dict_in_generate=True, **greedy)
    result["ids"] = made.sequences[0].tolist()[-len(made.logits):]
    result["margins"] = [(row[0].float().topk(2).values[0] - row[0].float().topk(2).values[1]).item() for row in made.logits]
    for batch in args.batch:
        inputs = inputs_of(model, probe, batch)
        one = timed(lambda: model.generate(**inputs, max_new_tokens=1, min_new_tokens=1, **greedy), 3)
        all_tokens = timed(lambda: model.generate(**inputs, max_new_tokens=args.new, min_new_tokens=args.new, **greedy), 2)
        row = {"batch": batch, "first_token_ms": one * 1e3, "step_ms": (all_tokens - one) * 1e3 / (args.new - 1), "cases_per_second": batch / all_tokens}
        if args.compiled:
            fast = dict(cache_implementation="static", **greedy)
            run = lambda: model.generate(**inputs, max_new_tokens=args.new, min_new_tokens=args.new, **fast)
            started = time.perf_counter()
            run(), run()
            row["compile_s"] = time.perf_counter() - started
            compiled = timed(run, 3)
            row["compiled_cases_per_second"] = batch / compiled
            # Its prefill is not compiled.
            row["compiled_step_ms"] = (compiled - one) * 1e3 / (args.new - 1)
        result["batches"].append(row)
    return result


def share(left, right) -> float:
    """The largest difference as a share of the reference's spread."""
    return ((left - right).abs().max() / (right.max() - right.min())).item()


def first_difference(left: list[int], right: list[int]) -> int | None:
    return next((i for i, (a, b) in enumerate(zip(left, right)) if a != b), None)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("binary")
    parser.add_argument("out", type=Path)
    parser.add_argument("--batch", type=int, nargs="*", default=[1, 8, 32])
    parser.add_argument("--new", type=int, default=65)
    parser.add_argument("--compiled", action="store_true")
    args = parser.parse_args()
    folder, recipe = make_checkpoint(args.model, Path("/tmp/checkpoints") / args.model)
    image = draw(Path("/tmp/picture.png"), recipe["side"])
    rows, probe = ours(args.binary, folder, image, args)
    reference = theirs(folder, probe, args)
    logits, exact = reference.pop("logits"), reference.pop("exact")
    at = first_difference(rows[0]["ids"], reference["ids"])
    report = {
        "model": args.model, "gpu": torch.cuda.get_device_name(), "ours": rows, "transformers": reference,
        "logits": {"ours_from_theirs": share(probe["logits"][0], logits), "ours_from_f32": share(probe["logits"][0], exact), "theirs_from_f32": share(logits, exact)},
        "greedy": {"first_difference": at, "their_margin_there": None if at is None else reference["margins"][at]},
    }
    args.out.write_text(json.dumps(report, indent=1))
    print(json.dumps({key: report[key] for key in ("model", "gpu", "logits", "greedy")}))
    for row in rows[:1] + rows[1:]:
        print("ours  ", {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items() if key not in ("ids", "margins")})
    for row in reference["batches"]:
        print("theirs", {key: round(value, 3) for key, value in row.items()})


if __name__ == "__main__":
    main()
