"""Checkpoints with other settings in their files, and what the installed transformers answers then: fixtures/oracle/variants.json.

Usage: python variants.py OUT    (once with transformers 4.57.3 and once with 5.24.0; OUT is a scratch folder)

Settings of `generation_config.json` are not handed to `generate`: it takes them from the folder, as users' calls do.
"""

import json
import shutil
import sys
from pathlib import Path

import torch

from paths import ORACLE, write_json
from resave import VERSION, Reference, data, source

MIN_MARGIN = 0.004
OUT = ORACLE / "variants.json"
MAJOR = VERSION.split(".")[0]

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 64}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}
YARN_SET = YARN | {"attention_factor": 1.3, "beta_fast": 16.0, "beta_slow": 2.0, "truncate": False, "rope_theta": 20000.0}
YARN_MSCALE = YARN | {"mscale": 1.0, "mscale_all_dim": 0.5, "rope_theta": 10000.0}
LINEAR = {"rope_type": "linear", "factor": 4.0}
MROPE = {"mrope_section": [4, 3, 3], "mrope_interleaved": True}


def text(**fields) -> dict:
    return {"config.json": {"text_config": fields}}


def generation(**fields) -> dict:
    return {"generation_config.json": fields}


# Name, checkpoint, versions, and what is put into its files; None takes a field away.
VARIANTS = [
    ("linear, old key", "llava/hub", "45", text(rope_scaling={"type": "linear", "factor": 4.0})),
    ("llama3, old key", "llava/hub", "45", text(rope_scaling=LLAMA3)),
    ("yarn, old key", "llava/hub", "45", text(rope_scaling=YARN)),
    ("linear", "llava/hub", "5", text(rope_parameters=LINEAR | {"rope_theta": 500000.0})),
    ("llama3", "llava/hub", "5", text(rope_parameters=LLAMA3 | {"rope_theta": 10000.0})),
    ("yarn", "llava/hub", "5", text(rope_parameters=YARN | {"rope_theta": 10000.0})),
    ("yarn, all set", "llava/hub", "5", text(rope_parameters=YARN_SET)),
    ("yarn, mscale", "llava/hub", "5", text(rope_parameters=YARN_MSCALE)),
    ("yarn, theta beside it", "llava/renamed", "5", text(rope_parameters=YARN)),
    ("yarn, length of the model", "llava/hub", "5", text(rope_parameters={"rope_type": "yarn", "factor": 2.0, "rope_theta": 100.0})),
    ("yarn", "qwen3_vl/tied", "5", text(rope_scaling=None, rope_theta=None, rope_parameters=YARN | MROPE | {"rope_theta": 12345.0})),
    ("yarn, old key", "qwen3_vl/tied", "45", text(rope_scaling=YARN | MROPE)),
    ("linear", "qwen3_vl/untied", "5", text(rope_scaling=None, rope_theta=None, rope_parameters=LINEAR | {"mrope_section": [2, 2, 2], "rope_theta": 300.0})),
    ("llama3", "instruct_blip/vicuna", "5", text(rope_parameters=LLAMA3 | {"rope_theta": 10000.0})),
    ("scaled, head of its own", "blip2/t5", "5", text(tie_word_embeddings=True, scale_decoder_outputs=True)),
    ("unscaled, head of its own", "blip2/t5", "5", text(tie_word_embeddings=True, scale_decoder_outputs=False)),
    ("feature layer in a list", "llava/hub", "45", {"config.json": {"vision_feature_layer": [-2]}}),
    ("no n-gram twice", "llava/hub", "45", generation(no_repeat_ngram_size=2)),
    ("no token twice", "qwen3_vl/bf16", "45", generation(no_repeat_ngram_size=1)),
    ("penalty", "llava/hub", "45", generation(repetition_penalty=1.25)),
    ("penalty", "qwen3_vl/tied", "45", generation(repetition_penalty=1.25)),
    ("min_new_tokens", "llava/hub", "45", generation(min_new_tokens=9)),
]


def banned(name: str) -> tuple[list[int], list[list[int]], list[int]]:
    """Tokens, pairs of tokens and first tokens that answers of the checkpoint have."""
    rows = [case["greedy_ids"] for case in data(name)["cases"] if case["repetition_penalty"] == 1.0]
    return [rows[0][1], rows[1][2]], [row[2:4] for row in rows[:4]] + [[rows[2][1]], rows[3][1:4]], [row[0] for row in rows[:3]]


for checkpoint in ("llava/hub", "qwen3_vl/tied"):
    single, pairs, first = banned(checkpoint)
    VARIANTS += [
        ("suppress_tokens", checkpoint, "45", generation(suppress_tokens=single)),
        ("begin_suppress_tokens", checkpoint, "45", generation(begin_suppress_tokens=first)),
        ("bad_words_ids", checkpoint, "45", generation(bad_words_ids=pairs)),
        ("all together", checkpoint, "45", generation(suppress_tokens=single, begin_suppress_tokens=first, bad_words_ids=pairs, no_repeat_ngram_size=3,
                                                      repetition_penalty=1.1, min_new_tokens=5)),
    ]


def merge(content: dict, change: dict) -> dict:
    for key, value in change.items():
        if value is None:
            content.pop(key, None)
        else:
            content[key] = merge(dict(content.get(key) or {}), value) if isinstance(value, dict) and key.endswith("_config") else value
    return content


def folder_of(name: str, changes: dict, out: Path) -> Path:
    folder = out / "variant"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(source(name), folder)
    for file, change in changes.items():
        write_json(folder / file, merge(json.loads((folder / file).read_text()), change))
    return folder


class Plain(Reference):
    @torch.no_grad()
    def answer(self, case: dict) -> tuple[list[int], float]:
        inputs = self.inputs(case)
        if MAJOR == "4":
            inputs.pop("mm_token_type_ids", None)
        if "blip" in self.name:
            self.model.config.image_token_index = self.model.config.image_token_id = case["input_ids"][0]
        if hasattr(getattr(self.model, "model", None), "rope_deltas"):
            self.model.model.rope_deltas = None
        more = {"output_scores": True, "return_dict_in_generate": True}
        result = self.model.generate(**inputs, max_new_tokens=case["max_new_tokens"], do_sample=False, **more)
        top = torch.stack(result.scores).topk(2, dim=-1).values
        ids, given = result.sequences[0].tolist(), case["input_ids"]
        ids = ids[1:] if self.model.config.get_text_config().is_encoder_decoder else ids[len(given):] if ids[:len(given)] == given else ids
        return ids, (top[..., 0] - top[..., 1]).min().item()


def answers(name: str, changes: dict, out: Path) -> list[dict]:
    reference, found = Plain(name, folder_of(name, changes, out)), []
    for case in [case for case in data(name)["cases"] if case["repetition_penalty"] == 1.0][:9]:
        ids, margin = reference.answer(case)
        if margin >= MIN_MARGIN:
            found.append({"case": case["name"], "ids": ids})
    return found


def main(out: Path) -> None:
    known = json.loads(OUT.read_text(encoding="utf-8")) if OUT.exists() else []
    known = [variant for variant in known if variant["version"] != MAJOR]
    for title, name, versions, changes in VARIANTS:
        if MAJOR in versions:
            given = answers(name, changes, out)
            before = {case["name"]: case["greedy_ids"] for case in data(name)["cases"]}
            turned = sum(before[answer["case"]] != answer["ids"] for answer in given)
            print(f"{name}, {title}: {len(given)} answers, {turned} other than without")
            known.append({"version": MAJOR, "title": title, "checkpoint": name, "changes": changes, "answers": given})
    write_json(OUT, sorted(known, key=lambda variant: (variant["version"], variant["checkpoint"])))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
