"""Makes the folders of fixtures/failures that are about reading answers, from the tables in `answers.py`.

    python make.py

A recorded answer is the record of a run of the shipped checkpoint, taken from `choice-letter-in-option-text`, with
the answer's text and finish reason in place of what it said. Needs Python 3.11 and nothing else."""
import copy
import json
import shutil
from pathlib import Path

from answers import FOLDERS

ROOT = Path(__file__).resolve().parents[2] / "fixtures" / "failures"
TEMPLATE = ROOT / "number-scale-words"
PROMPT = "Answer the question about the picture."


def template():
    lines = (TEMPLATE / "recorded.jsonl").read_text(encoding="utf-8").splitlines()
    return json.loads(lines[0]), json.loads(lines[1])


def record(trial, case, answer, finish):
    made = copy.deepcopy(trial)
    made["trial"] |= {"case": case, "file": f"cases/{case}.ron"}
    made["trial"]["answer"] |= {"text": answer, "finish": finish}
    return made


def case_file(expectation):
    return f'(\n    images: ["squares.png"],\n    prompt: "{PROMPT}",\n    expect: {expectation},\n    snapshot: Off,\n)\n'


def table(rows):
    lines = ["| case | expectation | recorded answer | must be | why |", "|---|---|---|---|---|"]
    for case, expectation, answer, outcome, why, finish in rows:
        cut = " (cut off at the token limit)" if finish == "length" else ""
        shown = json.dumps(answer, ensure_ascii=False).replace("|", "\\|")
        outcomes = " or ".join(f"`{one}`" for one in outcome.split("/"))
        lines.append(f"| `{case}` | `{expectation}` | {shown}{cut} | {outcomes} | {why} |".replace("\n", " "))
    return "\n".join(lines)


def make(name, title, story, rows, source):
    folder = ROOT / name
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "cases").mkdir(parents=True)
    shutil.copy(TEMPLATE / "cases" / "squares.png", folder / "cases")
    shutil.copy(TEMPLATE / "eyechart.ron", folder)
    rows = [(*row, "stop")[:6] for row in rows]
    run, trial = template()
    recorded = [run] + [record(trial, case, answer, finish) for case, _, answer, _, _, finish in rows]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in recorded)
    (folder / "recorded.jsonl").write_text(text, encoding="utf-8")
    for case, expectation, *_ in rows:
        (folder / "cases" / f"{case}.ron").write_text(case_file(expectation), encoding="utf-8")
    wanted = {f"{case}::then": outcome.split("/") for case, _, _, outcome, *_ in rows}
    expected = {"checks": [{"run": "suite", "tests": wanted}]}
    (folder / "expect.json").write_text(json.dumps(expected, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    readme = f"# {title}\n\n{story}\n\n## What must hold\n\n{table(rows)}\n\n## Why\n\nPlain reading. What cannot be read with certainty may be left unread; the opposite of what it says is never right.\nWritten by `tools/failures/make.py`.\n\nSource: {source}\n"
    (folder / "README.md").write_text(readme, encoding="utf-8")


if __name__ == "__main__":
    for folder in FOLDERS:
        make(*folder)
