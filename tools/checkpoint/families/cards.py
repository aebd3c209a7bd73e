"""Writes each checkpoint's model card and `evaluation.json` from what was measured.

Usage: PYTHONPATH=..:. python cards.py FIRST SECOND COMPARED.json MODELS
(FIRST, SECOND: the folders of the two runs of `train.py`; COMPARED: of `compare_answers.py`)
"""

import json
import sys
from pathlib import Path

import torch
from safetensors.torch import load_file

import networks
import qformer
import rows
import towers
import wording
from squares import GRID, PATCH, SIDE

NAMES = {"llava": "LLaVA-1.5", "blip2": "BLIP-2", "instructblip": "InstructBLIP", "minigpt-v2": "MiniGPT-v2"}
CAN = {
    "llava": "describes them, answers questions about them and boxes what one asks for",
    "blip2": "describes them and answers questions about them",
    "instructblip": "describes them and answers questions about them",
    "minigpt-v2": "describes them, answers questions about them and boxes what one asks for",
}
LAYOUT = {
    "llava": "The folder has the layout of `llava-hf/llava-1.5-7b-hf`, with the tensors' names from before transformers 4.52, "
    "and loads with transformers 4.57.3 (`LlavaForConditionalGeneration`). As there, the states before the tower's last layer are "
    "read; that layer is in the file and was never trained.",
    "blip2": "The folder has the layout of `Salesforce/blip2-opt-2.7b` and loads with transformers 4.57.3 "
    "(`Blip2ForConditionalGeneration`). As there, an answer ends with a line break.",
    "instructblip": "The folder has the layout of `Salesforce/instructblip-vicuna-7b` and loads with transformers 4.57.3 "
    "(`InstructBlipForConditionalGeneration`). As there, a prompt begins with `</s>`.",
    "minigpt-v2": "The folder has the three parts that are published apart: `llama/` (a Llama with its `tokenizer.model`), "
    "`eva_vit_g.pth` (LAVIS' names) and `minigptv2_checkpoint.pth` (the linear map and LoRA on `q_proj` and `v_proj`), and the "
    "`config.json` that eyechart defines, because nobody publishes one. It loads with the modules of Vision-CAIR/MiniGPT-4 "
    "(commit d94738a). The published tower file has one block more, which the reference leaves out; here it is not stored.",
}
PICTURE = {
    "llava": "padded to a square in CLIP's mean colour, then",
    "blip2": "squashed to a square of",
    "instructblip": "squashed to a square of",
    "minigpt-v2": "squashed to a square of",
}
KINDS = {
    "exist": ("yes or no", "exact answer"),
    "colour": ("colour", "exact answer"),
    "count": ("counting (0 to 6 things)", "exact number"),
    "fact": ("short facts", "exact answer"),
    "choice": ("lettered choices", "exact letter"),
    "caption": ("caption", "whole sentence equal"),
    "box": ("boxes", "Acc@0.5"),
}


OWN_LIMITS = {
    "blip2": "- It has 256 positions, so that a prompt and `max_new_tokens` must stay below that: eyechart's default of 512 is refused.\n"
    "  The presets' limits fit; a case without one sets `generation: (max_new_tokens: 64)`.\n",
}


def entry(log: list, key: str) -> dict:
    return next(line[key] for line in log if key in line)


def value(row: dict) -> float:
    return row.get("exact", row.get("acc_0.5"))


def shape(family: str) -> list[tuple[str, str]]:
    sizes = networks.SIZES[family]
    text, (kind, ffn) = sizes["text"], sizes["tower"]
    layers = f"{towers.BLOCKS} layers" + (" and one unread" if kind == "clip" else "")
    found = [("tower", f"{'CLIP' if kind == 'clip' else 'EVA-CLIP'}: {layers}, {towers.WIDTH} wide, {towers.HEADS} heads, ffn {ffn}")]
    if "qformer" in sizes:
        queries = rows.QUERIES[family]
        found.append((
            "Q-Former",
            f"{queries} queries, {qformer.LAYERS} layers, {qformer.WIDTH} wide, {qformer.HEADS} heads, ffn {sizes['qformer']}, "
            f"looks at the picture in every second layer" + (", reads the prompt" if family == "instructblip" else ""),
        ))  # fmt: skip
    elif family == "llava":
        found.append(("projector", "two linear maps with GELU between"))
    else:
        rank, alpha = networks.LORA
        found.append(("map", f"{networks.JOINED} neighbouring patches to one token; LoRA of rank {rank}, alpha {alpha:.0f}"))
    heads = "4 heads" + (f" and {text['kv_heads']} key/value heads" if "kv_heads" in text else "")
    name = "OPT" if family == "blip2" else "Llama"
    found.append(("text", f"{name}: {text['layers']} layers, 256 wide, {heads} of 64, ffn {text['ffn']}, {text['vocabulary']} tokens"))
    tokens = rows.VISUAL[family] if family != "instructblip" else rows.QUERIES[family]
    found.append(("pictures", f"{PICTURE[family]} {SIDE} pixels, {GRID}x{GRID} patches of {PATCH}; {tokens} visual tokens"))
    return found


def parameters(folder: Path) -> int:
    files = [load_file(path) for path in folder.rglob("*.safetensors")]
    for path in folder.rglob("*.pth"):
        content = torch.load(path, weights_only=True)
        files.append(content.get("model", content))
    return sum(tensor.numel() for file in files for tensor in file.values())


def score_rows(held: dict, compared: dict) -> list[str]:
    lines = []
    for task, (name, what) in KINDS.items():
        if f"{task}/en" in compared:
            own = [f"{compared[f'{task}/{lang}']['own']:.3f}" for lang in ("en", "zh")]
            theirs = [f"{compared[f'{task}/{lang}']['reference']:.3f}" for lang in ("en", "zh")]
            written = [f"{value(held[f'{task}-written/{lang}']):.3f}" for lang in ("en", "zh")]
            floor = {"caption": "0.80", "box": "0.80"}.get(task, "0.90")
            lines.append(f"| {name} | {what} | {' | '.join(own + theirs + written)} | {floor} |")
    return lines


def curve_rows(part: str, log: list) -> list[str]:
    lines = []
    for line in log:
        if "scores" in line:
            scores = line["scores"]
            share = lambda task: sum(value(scores[f"{task}/{lang}"]) for lang in ("en", "zh")) / 2
            box = f"{share('box'):.3f}" if "box/en" in scores else "–"
            questions = sum(map(share, ("exist", "colour", "fact", "choice"))) / 4
            figures = f"{questions:.3f} | {share('count'):.3f} | {share('caption'):.3f} | {box}"
            lines.append(f"| {part} | {line['seconds']:.0f} | {line['step']} | {figures} |")
    return lines


def blank_section(log: list) -> str:
    held, blank = entry(log, "held out"), entry(log, "blank")
    rows_ = [
        f"| {KINDS[task][0]} | {value(held[f'{task}/en']):.3f} | {value(blank[f'{task}/en']):.3f} | "
        f"{value(held[f'{task}/zh']):.3f} | {value(blank[f'{task}/zh']):.3f} |"
        for task in KINDS
        if f"{task}/en" in held
    ]
    return "\n".join([
        "## Does the Q-Former read the question?", "",
        "The same weights on the same 500 scenes, with an empty prompt (`[CLS] [SEP]`) for the Q-Former alone; the language model",
        "still reads the question.", "",
        "| kind | read, English | blank, English | read, Chinese | blank, Chinese |", "|---|---|---|---|---|", *rows_, "",
        "What has to be looked for with the question in mind (counts, choices, colours) falls most; a caption needs no question.", "", "",
    ])  # fmt: skip


def card(family: str, folder: Path, logs: list, compared: dict) -> str:
    name, held = NAMES[family], entry(logs[1], "held out")
    article = "An" if family == "instructblip" else "A"
    first, second = (next(line for line in log if "steps" in line) for log in logs)
    boxes = [f"{held[f'box/{lang}']['mean_iou']:.3f}" for lang in ("en", "zh")] if "box/en" in held else None
    size = sum(path.stat().st_size for path in folder.rglob("*") if path.suffix in (".safetensors", ".pth")) / 1e6
    parts = "\n".join(f"| {part} | {what} |" for part, what in shape(family))
    iou = f"\nThe mean IoU of the boxes is {boxes[0]} in English and {boxes[1]} in Chinese.\n" if boxes else ""
    cannot = "It was never asked for the boxes of several things." if boxes else "It draws no boxes: the family has no notation for them."
    own_limit = OWN_LIMITS.get(family, "")
    blank = blank_section(logs[1]) if family == "instructblip" else ""
    reference = "the reference's own code (Vision-CAIR/MiniGPT-4 d94738a)" if family == "minigpt-v2" else "transformers 4.57.3"
    lora = "; LoRA was trained together with the maps that it changes, not after them" if family == "minigpt-v2" else ""
    curve = curve_rows("first", logs[0]) + curve_rows("second", logs[1])
    return f"""---
license: mit
pipeline_tag: image-text-to-text
language: [en, zh]
---

# {family}-tiny

{article} {name} of {parameters(folder):,} parameters that sees procedurally drawn scenes: it {CAN[family]}, in English and
Chinese. It was trained from nothing for the tests of eyechart, so that a comparison of architectures runs on a CPU, offline,
with true answers. It contains no weights of any other model and has seen no photograph.

{LAYOUT[family]}

| part | size |
|---|---|
{parts}
| files | half precision, {size:.2f} MB |

## Scores

Greedy answers of the stored half-precision weights, computed in f32: by eyechart on a CPU, and by {reference}.
500 held-out scenes for each kind and language, asked in the words of the family's presets (`src/preset/presets.ron`).

| kind | score | eyechart, English | Chinese | reference, English | Chinese | as written, English | Chinese | floor |
|---|---|---|---|---|---|---|---|---|
{chr(10).join(score_rows(held, compared['tasks']))}

"As written" are other questions on the same 500 scenes, without a preset's words, answered by the network of the training on the
GPU. Of them, eyechart and the reference answered 100 of each kind and language too: of all {compared['n']:,} answers of both,
{compared['equal']:,} are equal.
{iou}
"Yes or no" also asks about states, such as whether a bowl is empty. Counting is asked about the scenes made for it only.
`evaluation.json` holds the scores, the answers that differ, some wrong ones and the learning curve.
[The tools](../../../tools/checkpoint/families/README.md) have the commands.

{blank}## Training

The four checkpoints llava-tiny, blip2-tiny, instructblip-tiny and minigpt-v2-tiny were trained side by side on one GPU, in two
runs, with the same pictures, questions, recipe, seconds and seeds. A second of one is a second that it shared with three others.

| | |
|---|---|
| data | scenes drawn on the fly by `tools/checkpoint/scenes.py`, 35 % of them made for counting: {first['pictures']:,} pictures reached this network in the first run, {second['pictures']:,} others in the second |
| questions | {"six a picture and two boxes" if boxes else "seven a picture"}: captions, yes/no, colours, counts, short facts, choices; two in three English, one in three Chinese; in the words of the presets, in the second run half of them as written |
| seeds | scenes of the training from 2^32 on, of the evaluation from 0 on, of the learning curve from 1,000,000 on; weights from 20261201 |
| recipe | AdamW (0.9, 0.97), weight decay 0.05 on matrices, 3 and 2 % warm-up, cosine to zero by the clock, clip 1.0, bf16 autocast over f32 weights{lora} |
| loss | cross-entropy on answers, a token of an answer of n tokens weighing 1/sqrt(n) |
| auxiliary loss | in the first run, for 60 % of it, at a weight that falls from 0.5 to 0: heads that are not in the file name the kind, colour, rank from the left and box of the thing at each patch{"; and of the k-th thing from the left at the k-th query" if "blip" in family else ""} |
| a step | 128 pictures |
| hardware | one H200 and 16 cores, all four at once |
| first run | peak rate 1.2e-3: {first['steps']:,} steps in {first['seconds']:.0f} s |
| second run | from the first's weights, a new optimizer, peak rate 6e-4: {second['steps']:,} steps in {second['seconds']:.0f} s |

The first run reached all floors. The second was made because questions outside of the presets' words were answered badly, which
the cases of this repository showed, not the held-out scenes. Each ran once, and its last weights were taken. A trial of 130 s
before them looked for errors in the code and left nothing.

### Learning curve

60 scenes for each kind and language that neither the training nor the evaluation uses, in the presets' words.

| run | second | step | yes/no, colours, facts, choices | counts | captions | boxes |
|---|---|---|---|---|---|---|
{chr(10).join(curve)}

## Limits

- It knows cartoons of these things in these colours, and questions like those of `tools/checkpoint`. It has no word for
  anything else, and never says that it does not know.
- It was trained on one picture and one turn, without a system prompt of the user's. {cannot}
{own_limit}- Greedy answers are what it was measured with. Presets that search with beams, demand a least length or punish repetition can
  move an answer.

Use it to test software, never to judge pictures.
"""


def curve_of(log: list) -> list[dict]:
    return [
        {key: line[key] for key in ("step", "seconds")} | {"scores": {n: round(value(r), 4) for n, r in line["scores"].items()}}
        for line in log
        if "scores" in line
    ]


def evaluation(logs: list, compared: dict) -> dict:
    trimmed = {name: row | {"wrong": row["wrong"][:2]} for name, row in entry(logs[1], "held out").items()}
    found = {"own_and_reference": compared, "training_network": trimmed}
    found["curves"] = {"first": curve_of(logs[0]), "second": curve_of(logs[1])}
    if any("blank" in line for line in logs[1]):
        found["question_blanked"] = {name: round(value(row), 4) for name, row in entry(logs[1], "blank").items()}
    return found


def main(first: Path, second: Path, compared: Path, models: Path) -> None:
    figures = json.loads(compared.read_text())
    for family in wording.FAMILIES:
        folder = models / f"{family}-tiny"
        logs = [json.loads((run / f"{family}.json").read_text()) for run in (first, second)]
        text = json.dumps(evaluation(logs, figures[family]), ensure_ascii=False, separators=(",", ":"))
        (folder / "evaluation.json").write_text(text + "\n")
        (folder / "README.md").write_text(card(family, folder, logs, figures[family]))


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
