"""Compares our program's answers to the held-out questions with a reference's, and scores both.

Usage: PYTHONPATH=..:. python compare_answers.py PROJECT REFERENCES OUT.json RUN..
(REFERENCES: a folder with FAMILY.json of `references.py`; RUN: folders that EYECHART_OUT named)
"""

import json
import sys
from pathlib import Path

import scoring
import wording


def own_answers(runs: list[Path]) -> dict:
    """The texts of the journals by model and case."""
    found = {family: {} for family in wording.FAMILIES}
    for run in runs:
        for line in (run / "journal.jsonl").read_text().splitlines():
            trial = json.loads(line).get("trial")
            if trial and trial["answer"]:
                found[trial["model"]][trial["case"]] = trial["answer"]["text"].strip()
    return found


def share(family: str, task: str, asked: list, answers: list[str]) -> float:
    row = scoring.score(family, task, asked, answers)
    return round(row.get("exact", row.get("acc_0.5")), 4)


def main(project: Path, references: Path, out: Path, runs: list[Path]) -> None:
    own, report, groups = own_answers(runs), {}, {}
    for question in json.loads((project / "questions.json").read_text()):
        groups.setdefault((question["task"], question["lang"]), []).append(question)
    for family in wording.FAMILIES:
        reference = json.loads((references / f"{family}.json").read_text())
        rows, differ = {}, []
        for (task, lang), questions in groups.items():
            names = [q["name"] for q in questions if q["name"] in reference and q["name"] in own[family]]
            if not names:
                continue
            asked = [scoring.question_of(task, lang, q["seed"])[1] for q in questions if q["name"] in names]
            ours, theirs = [own[family][name] for name in names], [reference[name] for name in names]
            differ += [{"case": n, "own": a, "reference": b} for n, a, b in zip(names, ours, theirs) if a != b]
            rows[f"{task}/{lang}"] = {
                "n": len(names),
                "own": share(family, task, asked, ours),
                "reference": share(family, task, asked, theirs),
                "equal": sum(a == b for a, b in zip(ours, theirs)),
            }
        total, equal = (sum(row[key] for row in rows.values()) for key in ("n", "equal"))
        report[family] = {"n": total, "equal": equal, "tasks": rows, "differ": differ}
        print(f"{family:12} {equal} of {total} answers equal")
    out.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n")


if __name__ == "__main__":
    project, references, out, *runs = map(Path, sys.argv[1:])
    main(project, references, out, runs)
