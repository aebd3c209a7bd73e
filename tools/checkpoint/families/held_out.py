"""Writes a project whose cases are held-out questions, for our own program and for the references.

Usage: PYTHONPATH=..:. python held_out.py MODELS PROJECT [SCENES] [SCENES_WITHOUT_PRESET]
`questions.json` lists what is asked; each family's words for it come from its preset in our program, and from
`wording.py` for the references.
"""

import json
import sys
from pathlib import Path

import asking
import scoring
from wording import FAMILIES

PRESETS = {"caption": "Description", "choice": "Choice", "box": "Grounding"}
GREEDY = "(num_beams: 1, repetition_penalty: 1.0, min_new_tokens: 0, max_new_tokens: {})"


def quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def expectation(one: asking.Asked) -> str:
    if one.task == "box":
        return f"Boxes(truth: [(label: {quoted(one.prompt)}, xyxy: {one.thing.box})])"
    if one.task == "choice" and not one.written:
        return f"Choice(options: [{', '.join(map(quoted, one.options))}], answer: {quoted(one.answer)})"
    return f"Exact({quoted(one.answer)})"


def case(one: asking.Asked, picture: str) -> str:
    prompt = [] if one.prompt is None else [f"prompt: {quoted(one.prompt)}"]
    longest = scoring.LONGEST.get(one.task, 10)
    fields = [
        f"images: [{quoted(picture)}]", *prompt,
        f"preset: {'AsWritten' if one.written else PRESETS.get(one.task, 'ShortAnswer')}",
        f"expect: {expectation(one)}", f"generation: {GREEDY.format(longest)}", "snapshot: Off",
    ]  # fmt: skip
    return f"({', '.join(fields)})\n"


def main(models: Path, project: Path, count: int, written: int) -> None:
    (project / "cases" / "pictures").mkdir(parents=True, exist_ok=True)
    entries = [f'"{family}": (dir: {quoted(str((models / f"{family}-tiny").resolve()))})' for family in FAMILIES]
    (project / "eyechart.ron").write_text(f'(models: {{{", ".join(entries)}}}, default_models: ["*"])\n')
    (project / "cases" / "defaults.ron").write_text('(image_folder: "pictures")\n')
    questions = []
    for task in scoring.TASKS:
        some = written if task.endswith(asking.WRITTEN) else count
        for lang in asking.LANGUAGES:
            for i, (seed, one) in enumerate(scoring.draw(task, lang, some, 0, None)):
                scene, _ = scoring.question_of(task, lang, seed)
                picture = f"{scoring.THEME_OF.get(task, 'any')}_{seed}.png"
                if not (project / "cases" / "pictures" / picture).exists():
                    scene.render().save(project / "cases" / "pictures" / picture)
                name = f"{task.replace('-', '_')}_{lang}_{i:03}"
                (project / "cases" / f"{name}.ron").write_text(case(one, picture))
                questions.append({"name": name, "task": task, "lang": lang, "seed": seed, "picture": picture})
    (project / "questions.json").write_text(json.dumps(questions, indent=1))


if __name__ == "__main__":
    models, project, *counts = sys.argv[1:]
    count, written = (int(n) for n in counts or (500, 100))
    main(Path(models), Path(project), count, written)
