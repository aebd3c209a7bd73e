"""Writes fixtures/oracle. Usage: python make.py [trained | NAMES of CHECKPOINTS]"""

import json
import sys
from pathlib import Path

import pictures
import sampling
from checkpoints import CHECKPOINTS, build
from paths import ORACLE, PICTURES, ROOT
from qwen3_vl import record

LONG = "The red car is on the left of the picture, and the blue one is behind it; how many are there? " * 12
QUESTIONS = [
    "Describe the picture.", "What is in the image?", "How many red cars are there on the left?", "图片里有什么？",
    "左侧的红色汽车在哪里？", "Report bbox coordinates in JSON format.", "one two three", "宠物可能需要什么？\nAnswer in a single word.",
]
SHOWN = ["square.png", "tall.png", "wide.png", "edges.png", "palette.png", "grey.png", "alpha.png", "speck.png"]


def user(*parts) -> dict:
    return {"role": "User", "parts": [{"Image": part} if isinstance(part, int) else {"Text": part} for part in parts]}


def assistant(text: str) -> dict:
    return {"role": "Assistant", "parts": [{"Text": text}]}


def case(name: str, images: list[str], *turns, system=None, count=16, **more) -> dict:
    return {"name": name, "images": images, "conversation": {"system": system, "turns": list(turns)}, "max_new_tokens": count, **more}


def cases() -> list[dict]:
    one = [case(f"one_image_{index}", [SHOWN[index % len(SHOWN)]], user(0, question)) for index, question in enumerate(QUESTIONS)]
    text = [case(f"text_only_{index}", [], user(question), count=24) for index, question in enumerate(QUESTIONS[:4])]
    return one + text + [
        case("two_images", ["square.png", "wide.png"], user(0, 1, "What differs?")),
        case("two_images_apart", ["tall.png", "square.png"], user("First: ", 0, " then: ", 1, " which is red?")),
        case("same_image_twice", ["edges.png", "tall.png"], user(1, 0, 1, "one two three")),
        case("second_only", ["square.png", "grey.png"], user(1, "What is it?")),
        case("text_before_image", ["alpha.png"], user("Look at this: ", 0)),
        case("system", ["tall.png"], user(0, "Describe it."), system="You answer in one word."),
        case("several_turns", ["square.png", "tall.png"], user(0, "What is it?"), assistant("A red car."), user(1, "And this?"), assistant("Two."), user("Sure?")),
        case("very_wide", ["wide.png"], user(0, "How long is it?")),
        case("tiny", ["speck.png"], user(0, "What?")),
        case("long_text", ["tall.png"], user(0, LONG)),
        case("long_text_alone", [], user(LONG + LONG)),
        case("spaces", [], user("  leading,\n\n\n  many   spaces \t and 'quotes' they'll 12345  ")),
        case("emoji", [], user("é e\u0301 😀 ﬁ Ω مرحبا"), count=20),
        case("long_answer", ["square.png"], user(0, "Tell all."), count=48),
        case("penalty", ["square.png"], user(0, "Say it again."), count=32, repetition_penalty=1.3),
        case("penalty_text", [], user("again again again"), count=32, repetition_penalty=1.1),
    ]


def random_checkpoints(only: list[str]) -> None:
    for name in only or CHECKPOINTS:
        folder = ORACLE / "qwen3_vl" / name
        build(name, folder)
        record(folder, cases(), PICTURES, folder)


def asked(entry: dict) -> dict:
    """A case from an entry of trained_prompts.json: the images come first, in the first turn."""
    turns = entry.get("turns") or [["User", entry["prompt"]]]
    first, *later = ({"role": role, "parts": [{"Text": said}]} for role, said in turns)
    first["parts"] = [{"Image": index} for index in range(len(entry["images"]))] + first["parts"]
    return case(entry["name"], entry["images"], first, *later, system=entry.get("system"), count=128)


def trained() -> None:
    prompts = json.loads((Path(__file__).parent / "trained_prompts.json").read_text(encoding="utf-8"))
    cases = [asked(entry) for entry in prompts["cases"]]
    record(ROOT / prompts["checkpoint"], cases, ROOT / prompts["pictures"], ORACLE / "qwen3_vl" / "trained", wanted=("logits",))


if __name__ == "__main__":
    if sys.argv[1:] == ["trained"]:
        trained()
    elif sys.argv[1:]:
        random_checkpoints(sys.argv[1:])
    else:
        pictures.main()
        sampling.main()
        random_checkpoints([])
