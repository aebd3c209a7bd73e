"""Compares `eyechart score --rules lmms-eval|vlmevalkit` with the code of lmms-eval and VLMEvalKit on random answers full of corners.

Usage: python fuzz_variants.py EYECHART LMMS_EVAL VLMEVALKIT SEED ROUNDS
  EYECHART    the program (`cargo build --release`)
  LMMS_EVAL   a checkout of https://github.com/EvolvingLMMs-Lab/lmms-eval at 75571cf
  VLMEVALKIT  a checkout of https://github.com/open-compass/VLMEvalKit at e8e78f0

Needs `pip install numpy==2.4.6` for Python 3.11; what else their files import is not called here and stubbed. Prints what differs, and a line at the end.
"""

import builtins
import copy
import json
import math
import random
import re
import string
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace
from typing import Optional
from unittest.mock import MagicMock

import numpy as np

from fuzz_scores import ANSWERS, LINE_ENDS, strange

NUMBERS = ("1 1.0 1e3 1_000 5% 5.% % nan inf -inf 0 0.0 -0 105 100 95 95.0001 94.99 ٣ 3 1,000 0x10 5%% 1e-400 Infinity +5 .5 5. 1__0 _1 １ 1e400").split(" ") + [" 5", "5 ", "5 %", "\u00a05"]
LABELS = ("yes no Yes NO yes. No. y n Y N yess nope not known yes,no no, maybe ye .y. y. Ｙes ＹＥＳ noyes yesno yno  yes  no").split(" ") + [" yes ", "\tno\n", "", "The answer is yes", "a no", "abc yes"]
CHOSEN = ("A B (A) (B) A. B) a b A: [C] D! Z {A} *B* AB A,B The answer is B Answer A or B It is A The correct answer is **C** answer is d red blue RED the red one a cat ı ſ K (ſ) (ı) É 1 A) B) none").split(" ")
CHOSEN += ["The answer is B", "the correct ANSWER  IS **c**", "I think A is a cat that sits on it", "A. red", "red and blue", "Sorry, I can't help with images of people yet.", "Cannot determine the answer", "A\u00a0B", "The blue one.", "", " ", "A .", "Failed to obtain answer via API A"]


def load(path, **given):
    """The names of a file, whose imports that are not there are stubs."""
    real = builtins.__import__

    def lenient(name, *arguments):
        try:
            return real(name, *arguments)
        except ImportError:
            return MagicMock()

    names = {"__name__": "loaded", "__file__": str(path), **given}
    builtins.__import__ = lenient
    try:
        exec(compile(Path(path).read_text(encoding="utf-8"), str(path), "exec"), names)  # noqa: S102
    finally:
        builtins.__import__ = real
    return SimpleNamespace(**{name: value for name, value in names.items() if not name.startswith("__")})


def run(program, folder, task, annotations, results, *rules):
    for name, rows in [("a.json", annotations), ("r.json", results)]:
        (folder / name).write_text(json.dumps(rows))
    arguments = [program, "score", task, "--annotations", str(folder / "a.json"), "--results", str(folder / "r.json"), "--format", "json", *rules]
    done = subprocess.run(arguments, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.stderr}")
    return json.loads(done.stdout)


def real(value):
    """A figure; that of a stub is none."""
    if isinstance(value, MagicMock):
        raise TypeError("a stub was asked")
    return float(value)


def text(rng):
    kind = rng.random()
    if kind < 0.35:
        return rng.choice(ANSWERS)
    if kind < 0.55:
        return rng.choice(NUMBERS)
    if kind < 0.75:
        return " ".join(rng.choice(ANSWERS) for _ in range(rng.randint(0, 3)))
    return strange(rng, 9, LINE_ENDS)


def short_answers(program, rng, folder, lmms, kit):
    rows, results = [], []
    for number in range(200):
        few = [text(rng) for _ in range(rng.randint(1, 3))]
        rows.append({"question_id": number, "answers": [rng.choice(few) for _ in range(rng.choice([1, 3, 10]))]})
        results.append({"question_id": number, "answer": rng.choice(few) if rng.random() < 0.6 else text(rng)})
    dictionaries = lambda row: [{"answer": answer, "answer_confidence": "yes", "answer_id": place + 1} for place, answer in enumerate(row["answers"])]
    matched = lambda row, answer, method: kit.vqa.process_line({"answer": row["answers"], "prediction": answer}, method)["match"]

    def textvqa(row, answer):
        return lmms.textvqa.textvqa_process_results(copy.deepcopy(row), [answer])["exact_match"]

    def vqa(row, answer):
        return lmms.vqa.vqav2_process_results({"answers": dictionaries(row), "question_id": 0}, [answer])["exact_match"]

    jobs = [
        ("textvqa", "lmms-eval", rows, textvqa),
        ("textvqa", "vlmevalkit", rows, lambda row, answer: float(np.mean(matched(row, answer, "vqa_score")))),
        ("anls", "lmms-eval", rows, lambda row, answer: lmms.metrics.anls(row["answers"], [answer])["anls"]),
        ("anls", "vlmevalkit", rows, lambda row, answer: kit.vqa.hit_calculate([{"match": matched(row, answer, "anls")}], "DocVQA")[0]),
        ("chartqa", "lmms-eval", rows, lambda row, answer: max(lmms.chartqa.relaxed_correctness(answer, one) for one in row["answers"])),
        ("chartqa", "vlmevalkit", rows, lambda row, answer: max(matched(row, answer, "relaxed_accuracy"))),
        ("vqa", "lmms-eval", {"annotations": [{"question_type": "", "answer_type": "", "image_id": 1, "question_id": row["question_id"], "answers": dictionaries(row)} for row in rows]}, vqa),
    ]
    for task, rules, annotations, reference in jobs:
        found = run(program, folder, task, annotations, results, "--rules", rules)
        for item, row, result in zip(found["items"], rows, results):
            value = next(value for name, value in item.items() if name != "id")
            expected = real(reference(copy.deepcopy(row), result["answer"]))
            yield value == expected, f"{task}@{rules}: {result['answer']!r} against {row['answers']}: {value} not {expected}"


def yes_no(program, rng, folder, lmms, kit):
    categories = [*lmms.mme.eval_type_dict["Perception"][:3], *lmms.mme.eval_type_dict["Cognition"][:2]]
    docs, results = [], []
    for number in range(rng.choice([1, 3, 60])):
        for _ in range(2):
            docs.append({"question_id": f"{number}.png", "category": categories[number % len(categories)], "answer": rng.choice(["Yes", "No"])})
            said = rng.choice(LABELS) if rng.random() < 0.8 else strange(rng, 8, LINE_ENDS)
            results.append({"question_id": f"{number}.png", "answer": said})
    totals = {"mme_perception_score": [], "mme_cognition_score": []}
    for doc, result in zip(docs, results):
        for name, score in lmms.mme.mme_process_results(doc, [result["answer"]]).items():
            totals[name].append(score)
    found = run(program, folder, "mme", docs, results)["aggregate"]
    for name, scores in totals.items():
        ours, expected = found[name.split("_")[1]], real(lmms.mme.mme_aggregate_results(scores))
        yield ours == expected, f"{name}: {ours} not {expected}"
    found = run(program, folder, "pope", docs, results, "--rules", "lmms-eval")["aggregate"]
    graded = [lmms.pope.pope_process_results(doc, [result["answer"]]) for doc, result in zip(docs, results)]
    for name, ours in [("accuracy", "accuracy"), ("precision", "precision"), ("recall", "recall"), ("f1_score", "f1"), ("yes_ratio", "yes_ratio")]:
        expected = real(getattr(lmms.pope, f"pope_aggregate_{name}")([one[f"pope_{name}"] for one in graded]))
        yield math.isclose(found[ours], expected, rel_tol=1e-15), f"pope {name}: {found[ours]} not {expected}"


def choices(program, rng, folder, lmms, kit):
    words = ["red", "blue", "the red one", "a cat", "Red", "1", "10", "ß", "É", "A", "it is B", "n", "yes", "ΑΣ"]
    rows, results = [], []
    for number in range(200):
        options = rng.sample(words, rng.randint(2, 5))
        rows.append({"index": number, "idx": str(number), "options": options, "answer": rng.choice(string.ascii_uppercase[:len(options)]), "category": "c", "task": "c", "sub_task": "c"})
        said = rng.choice(CHOSEN) if rng.random() < 0.7 else " ".join(rng.choice(CHOSEN + words) for _ in range(rng.randint(1, 7))) if rng.random() < 0.8 else strange(rng, 10, LINE_ENDS)
        results.append({"index": number, "prediction": said})
    muir = lmms.muir.MultiChoiceRegexFilter

    def muirbench(row, said):
        picked = muir.apply(None, [[said]], [row])[0]
        return picked.lower().strip() == row["answer"].lower().strip()

    jobs = [
        ("mmbench", [], lambda row, said: kit.matching.can_infer(said, dict(zip(string.ascii_uppercase, row["options"]))) == row["answer"]),
        ("blink", ["--rules", "lmms-eval"], lambda row, said: lmms.blink._extract_answer_letter(said) == row["answer"]),
        ("muirbench", ["--rules", "lmms-eval"], muirbench),
    ]
    for task, rules, reference in jobs:
        found = run(program, folder, task, rows, results, *rules)
        for item, row, result in zip(found["items"], rows, results):
            expected = real(reference(row, result["prediction"]))
            yield item["correct"] == expected, f"{task}: {result['prediction']!r} of {row['options']}, {row['answer']} is right: {item['correct']} not {expected}"


def main(program, lmms_eval, vlmevalkit, seed, rounds):
    tasks = Path(lmms_eval) / "lmms_eval/tasks"
    processor = load(tasks / "_task_utils/vqa_eval_metric.py").EvalAIAnswerProcessor
    filters = MagicMock()
    filters.ExtendedRegexFilter = object
    sys.modules["lmms_eval.filters.extraction"] = sys.modules["lmms_eval.filters"] = sys.modules["lmms_eval"] = filters
    filters.register_metric = lambda **_: lambda function: function
    sys.modules["lmms_eval.api"] = sys.modules["lmms_eval.api.registry"] = filters
    sys.modules["lmms_eval.tasks"] = sys.modules["lmms_eval.tasks._task_utils"] = filters
    stub = sys.modules["lmms_eval.tasks._task_utils.vqa_eval_metric"] = MagicMock()
    stub.EvalAIAnswerProcessor = processor
    lmms = SimpleNamespace(
        textvqa=load(tasks / "textvqa/utils.py"), vqa=load(tasks / "vqav2/utils.py"), chartqa=load(tasks / "chartqa/utils.py"), mme=load(tasks / "mme/utils.py"),
        pope=load(tasks / "pope/utils.py"), blink=load(tasks / "blink/utils.py"), muir=load(tasks / "muirbench/utils.py"), metrics=load(tasks.parent / "api/metrics.py"))
    kit = SimpleNamespace(matching=load(Path(vlmevalkit) / "vlmeval/utils/matching_util.py"))
    punctuation = load(Path(vlmevalkit) / "vlmeval/smp/misc.py").process_punctuation
    kit.vqa = load(Path(vlmevalkit) / "vlmeval/dataset/utils/vqa_eval.py", np=np, re=re, Optional=Optional)
    # What the file takes from `vlmeval.smp`, which imports half of the package.
    wanted = {"process_punctuation": punctuation, "istype": lambda value, kind: isinstance(value, kind), "listinstr": lambda parts, whole: any(part in whole for part in parts), "eval": lambda value: value, "np": np}
    kit.vqa.process_line.__globals__.update(wanted)
    folder, bad, count = Path(tempfile.mkdtemp()), 0, 0
    for number in range(int(rounds)):
        for job in (short_answers, yes_no, choices):
            shown = 0
            for holds, what in job(program, random.Random(f"{seed}/{job.__name__}/{number}"), folder, lmms, kit):
                count, bad = count + 1, bad + (not holds)
                if not holds and shown < 4:
                    shown += 1
                    print(f"round {number}: {what[:500]}", flush=True)
    print(f"seed {seed}: {rounds} rounds, {count} figures, {bad} differ", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:6])
