"""Compares `eyechart score` with the official scripts on random files full of corners.

Usage: python fuzz_scores.py EYECHART VQA SEED ROUNDS captions|vqa|detection
  EYECHART  the program (`cargo build --release`)
  VQA       a copy of https://github.com/GT-Vision-Lab/VQA (commit a013f00) that lib2to3 made Python 3 (see speed.py)

Needs Java, and `pip install pycocoevalcap==1.2 pycocotools==2.0.11 numpy==2.4.6` for Python 3.11. Prints what differs, and a
line for each round.
"""

import contextlib
import io
import json
import math
import random
import subprocess
import sys
import tempfile
from pathlib import Path

PIECES = ("a the dog dogs cat cat's U.S. It it is. is Mr. don't 3.5 1,000 $5 5% x-ray and/or (red) [blue] -- - ... ! ? ; : , \" ' `` '' ½ é naïve 中文 … — – “two” ‘one’ "
          "a.b e.g. etc. I. B. 5'11\" 1/2 10:30 c++ cannot gonna \xa0 \u3000 \u2009 😀 &amp; <b> @you #tag http://a.b/c a@b.c A AN The ſ K ½ ² \t").split(" ")
ANSWERS = ("yes no Yes yes. no, 2 two Two 2. 1,000 1000 1.5 .5 a the an red dark red red-ish red/blue don't dont Im I'm id've let's somebody'd its it's (yes) [no] 3 o'clock "
           "x; y \" ' none zero ten none. THE CAT a  cat cat\ncat \tcat \u00a0cat é É ß ı İ Σας ²  2,3 2 ,3 2, 3 ٣,٤ a.b a. .a ... .1.2. - -- _ ` @ ? ! 'tis y'all ain't "
           "couldn't've mightnt shed've she's she'd hes").split(" ") + ["", " ", "a an the", "dark red", "\n", "x ; y", "1, 2", "none of the above", "two three"]


# What ends a line for the Java tokenizer: captions with them are refused, or shift those that follow (`--reproduce-line-breaks`).
LINE_ENDS = "\r\v\f\u2028\u2029"


def words(rng, most):
    return " ".join(rng.choice(PIECES) for _ in range(rng.randint(0, most)))


def strange(rng, most, ends=""):
    """Characters of all kinds, most of them punctuation; some texts are empty or blank."""
    def letter():
        kind = rng.random()
        if kind < 0.35:
            return rng.choice(" .,;:!?'\"`-_/&()[]{}<>@#$%*=+\\|~^\t\n")
        if kind < 0.7:
            return rng.choice("aAbsStT019")
        if kind < 0.9:
            return chr(rng.choice([rng.randrange(0x20, 0x250), rng.randrange(0x300, 0x370), rng.randrange(0x2000, 0x2030), rng.randrange(0x3000, 0x3100), rng.randrange(0x2000, 0xD800),
                                   rng.randrange(0xF900, 0xFFFE), rng.randrange(0x1F300, 0x1F700)]))
        return rng.choice(ends or " ")
    text = "".join(letter() for _ in range(rng.randint(0, most)))
    return text if ends else "".join(one for one in text if one not in LINE_ENDS)


def run(program, *arguments):
    done = subprocess.run([program, "score", *arguments, "--format", "json"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.stderr}")
    return json.loads(done.stdout)


def same(ours, theirs):
    ours = math.nan if ours is None else ours
    return ours == theirs or (math.isnan(ours) and math.isnan(theirs))


def captions(program, rng, folder):
    from pycocoevalcap.bleu.bleu import Bleu
    from pycocoevalcap.cider.cider import Cider
    from pycocoevalcap.rouge.rouge import Rouge
    from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
    count = rng.choice([1, 2, 3, 30, 200])
    images = rng.sample(range(10**6), count)
    few = [words(rng, 6) for _ in range(20)]
    ends = LINE_ENDS if rng.random() < 0.2 else ""
    hostile = rng.random() < 0.5
    text = lambda: rng.choice(few) if rng.random() < 0.4 else strange(rng, 30, ends) if hostile and rng.random() < 0.7 else words(rng, 12)
    refs = {image: [{"caption": text()} for _ in range(rng.randint(1, 6))] for image in images}
    hyps = {image: [{"caption": rng.choice(refs[image])["caption"] if rng.random() < 0.2 else text()}] for image in images}
    annotations = [{"image_id": image, "id": number, "caption": one["caption"]} for number, (image, one) in enumerate((image, one) for image in images for one in refs[image])]
    # Images that nobody captioned are passed over, and the order of the results is not that of the images.
    others = [image for image in range(-5, 0) if rng.random() < 0.3]
    listed = rng.sample(images + others, count + len(others))
    images = [image for image in listed if image not in others]
    refs, hyps = ({image: texts[image] for image in images} for texts in (refs, hyps))
    annotations += [{"image_id": image, "id": -image + 10**7, "caption": "the U.S."} for image in others]
    rng.shuffle(annotations)
    refs = {image: [{"caption": one["caption"]} for one in annotations if one["image_id"] == image] for image in images}
    (folder / "a.json").write_text(json.dumps({"images": [{"id": image} for image in listed], "annotations": annotations}, ensure_ascii=rng.random() < 0.5))
    (folder / "r.json").write_text(json.dumps([{"image_id": image, "caption": hyps[image][0]["caption"]} for image in rng.sample(images, count)]))
    ours = run(program, "coco-caption", "--annotations", str(folder / "a.json"), "--results", str(folder / "r.json"), *(["--reproduce-line-breaks"] if ends else []))
    gts, res = PTBTokenizer().tokenize(refs), PTBTokenizer().tokenize(hyps)
    if not any("".join(texts).strip() for texts in gts.values()):
        return  # pycocoevalcap's CIDEr fails where no reference has a word.
    (bleu, bleus), (rouge, rouges), (cider, ciders) = Bleu(4).compute_score(gts, res, verbose=0), Rouge().compute_score(gts, res), Cider().compute_score(gts, res)
    pairs = [(f"bleu_{n + 1}", bleu[n]) for n in range(4)] + [("rouge_l", rouge), ("cider_d", cider)]
    for name, expected in pairs:
        yield same(ours["aggregate"][name], float(expected)), f"{name}: {ours['aggregate'][name]} not {expected}"
    for place, item in enumerate(ours["items"]):
        for name, expected in [(f"bleu_{n + 1}", bleus[n][place]) for n in range(4)] + [("rouge_l", rouges[place]), ("cider_d", ciders[place])]:
            yield same(item[name], float(expected)), f"{name} of {hyps[item['id']]} against {refs[item['id']]}: {item[name]} not {expected}"


def vqa(program, rng, folder):
    from vqa import VQA as Data
    from vqaEvaluation.vqaEval import VQAEval
    text = lambda: rng.choice(ANSWERS) if rng.random() < 0.6 else " ".join(rng.choice(ANSWERS) for _ in range(rng.randint(0, 4)))
    if rng.random() < 0.3:
        text = lambda: strange(rng, 12, LINE_ENDS)
    elif rng.random() < 0.3:
        letters = list("ab12 .,'-;/[]\"{}()=+\\_><@`?!\n\t\u00a0é")
        text = lambda: "".join(rng.choice(letters) for _ in range(rng.randint(0, 9)))
    questions, annotations, results = [], [], []
    for number in range(rng.choice([1, 50, 400])):
        few = [text() for _ in range(rng.randint(1, 3))]
        people = rng.choice([10, 10, 10, 1, 3])
        answers = [{"answer": rng.choice(few), "answer_confidence": rng.choice(["yes", "no"]), "answer_id": rng.choice([person + 1, 1])} for person in range(people)]
        questions.append({"image_id": 1, "question": "?", "question_id": number})
        annotations.append({"question_type": rng.choice(["is", "how many"]), "multiple_choice_answer": "", "image_id": 1, "answer_type": rng.choice(["yes/no", "number", "other"]), "question_id": number, "answers": answers})
        results.append({"question_id": number, "answer": rng.choice(few) if rng.random() < 0.6 else text()})
    head = {"info": {}, "license": {}, "data_type": "mscoco", "data_subtype": "val2014"}
    for name, content in [("q", {**head, "task_type": "Open-Ended", "questions": questions}), ("a", {**head, "annotations": annotations}), ("r", results)]:
        (folder / f"{name}.json").write_text(json.dumps(content))
    ours = run(program, "vqa", "--questions", str(folder / "q.json"), "--annotations", str(folder / "a.json"), "--results", str(folder / "r.json"))
    data = Data(str(folder / "a.json"), str(folder / "q.json"))
    evaluation = VQAEval(data, data.loadRes(str(folder / "r.json"), str(folder / "q.json")), n=2)
    evaluation.evaluate()
    yield ours["aggregate"]["official_percent"] == evaluation.accuracy["overall"], "overall"
    yield ours["aggregate"]["official_percent_by_question_type"] == evaluation.accuracy["perQuestionType"], "by question"
    yield ours["aggregate"]["official_percent_by_answer_type"] == evaluation.accuracy["perAnswerType"], "by answer"
    for item in ours["items"]:
        expected = evaluation.evalQA[item["id"]]
        yield round(100 * item["vqa_accuracy"], 2) == expected, f"{results[item['id']]} against {annotations[item['id']]['answers']}: {item} not {expected}"


def detection(program, rng, folder):
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval
    images, classes = rng.choice([1, 3, 20]), rng.choice([1, 2, 5])
    whole = rng.random() < 0.5

    def box():
        number = (lambda most: float(rng.randint(0, most))) if whole else (lambda most: rng.uniform(0, most))
        return [number(60), number(60), number(120), number(120)]

    if rng.random() < 0.3:
        plain = box
        box = lambda: rng.choice([plain, lambda: [0.0, 0.0, 0.0, 0.0], lambda: plain()[:2] + [0.0, 5.0], lambda: [-10.0, -3.5, 40.0, 40.0], lambda: [5.0, 5.0, 32.0, 32.0]])()

    def near(bounds):
        return [max(0.0, edge + (rng.randint(-3, 3) if whole else rng.gauss(0, 4))) for edge in bounds]

    truths = []
    for number in range(rng.choice([0, 1, 10, 80])):
        bounds = box()
        area = rng.choice([bounds[2] * bounds[3], 1024.0, 9216.0, 1023.9, 0.0, 50000.0])
        truths.append({"id": number + rng.choice([0, 1]) * 1000, "image_id": rng.randrange(images), "category_id": rng.randrange(classes), "bbox": bounds, "area": area, "iscrowd": int(rng.random() < 0.2)})
    truths = list({truth["id"]: truth for truth in truths}.values())
    found = []
    for _ in range(rng.choice([1, 10, 150, 400, 900])):
        if truths and rng.random() < 0.6:
            truth = rng.choice(truths)
            one = {"image_id": truth["image_id"], "category_id": truth["category_id"], "bbox": near(truth["bbox"]) if rng.random() < 0.8 else list(truth["bbox"])}
        else:
            one = {"image_id": rng.randrange(images), "category_id": rng.randrange(classes), "bbox": box()}
        found.append({**one, "score": rng.choice([round(rng.random(), 1), rng.random(), 0.5, 1, 0, -2.5, 1e300])})
        if rng.random() < 0.1:
            found.append(dict(rng.choice(found)))
    (folder / "gt.json").write_text(json.dumps({"info": {}, "images": [{"id": image} for image in rng.sample(range(images), images)], "categories": [{"id": one} for one in rng.sample(range(classes), classes)], "annotations": truths}))
    (folder / "dt.json").write_text(json.dumps(found))
    for pooled in (False, True):
        ours = run(program, "coco-detection", "--gt", str(folder / "gt.json"), "--dt", str(folder / "dt.json"), *(["--class-agnostic"] if pooled else []))
        coco = COCO(str(folder / "gt.json"))
        evaluation = COCOeval(coco, coco.loadRes(str(folder / "dt.json")), "bbox")
        evaluation.params.useCats = int(not pooled)
        evaluation.evaluate(), evaluation.accumulate(), evaluation.summarize()
        yield ours["aggregate"]["stats"] == [float(figure) for figure in evaluation.stats], f"pooled {pooled}: {ours['aggregate']['stats']} not {evaluation.stats.tolist()}"


def main(program, source, seed, rounds, job):
    sys.path[:0] = [f"{source}/PythonHelperTools/vqaTools", f"{source}/PythonEvaluationTools"]
    folder, bad = Path(tempfile.mkdtemp()), 0
    for number in range(int(rounds)):
        rng = random.Random(f"{seed}/{number}")
        shown = 0
        with contextlib.redirect_stdout(io.StringIO()):
            checks = list(globals()[job](program, rng, folder))
        for holds, what in checks:
            bad += not holds
            if not holds and shown < 3:
                shown += 1
                print(f"round {number}: {what[:600]}", flush=True)
    print(f"{job}, seed {seed}: {rounds} rounds, {bad} differ", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:6])
