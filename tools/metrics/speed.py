"""Times `eyechart score` beside the official scripts, on synthetic files in the official layouts.

Usage: python speed.py EYECHART VQA [FOLDER]
  EYECHART  the program (`cargo build --release`)
  VQA       a copy of https://github.com/GT-Vision-Lab/VQA (commit a013f00), made Python 3 here by lib2to3
  FOLDER    where files and results go; a temporary folder if left out

Needs Java, and `pip install pycocoevalcap==1.2 pycocotools==2.0.11 numpy==2.4.6` for Python 3.11. Everything runs on one core
(`taskset -c 0`), ours and theirs in turn; of three runs the fastest counts, by wall clock and by processor time. On a busy
machine only the processor time means something.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
from pathlib import Path

RUNS = 3
WORDS = ("a an the of on in with and is are two three red blue green white black brown small large old young man woman child dog cat horse bird cow car bus train boat "
         "plane bike street road field grass beach water sky tree house building room kitchen table chair bed sofa window door plate food pizza cake fruit apple banana "
         "sitting standing walking running playing eating holding wearing looking riding flying parked near next to behind front under over top side").split()


def caption(rng: random.Random) -> str:
    words = [rng.choice(WORDS) for _ in range(rng.randint(7, 13))]
    return " ".join(words).capitalize() + rng.choice([".", ".", ".", "", " ."])


def captions(folder: Path, images: int) -> None:
    rng = random.Random(1)
    annotations = [{"image_id": image, "id": 5 * image + number, "caption": caption(rng)} for image in range(images) for number in range(5)]
    dump(folder / "captions.json", {"info": {}, "licenses": [], "type": "captions", "images": [{"id": image} for image in range(images)], "annotations": annotations})
    dump(folder / "captions_results.json", [{"image_id": image, "caption": caption(rng)} for image in range(images)])


def vqa(folder: Path, count: int) -> None:
    rng = random.Random(2)
    kinds = [("yes/no", "is the", ["yes", "no"]), ("number", "how many", [str(n) for n in range(12)] + ["two", "three"]), ("other", "what color is the", WORDS + ["on the table", "it's red", "don't know"])]
    questions, annotations, results = [], [], []
    for number in range(count):
        kind, start, answers = rng.choices(kinds, [38, 12, 50])[0]
        right = rng.choice(answers)
        people = [right if rng.random() < 0.6 else rng.choice(answers) for _ in range(10)]
        questions.append({"image_id": number // 5, "question": f"{start} {rng.choice(WORDS)}?", "question_id": number})
        annotations.append({"question_type": start, "multiple_choice_answer": right, "image_id": number // 5, "answer_type": kind, "question_id": number,
                            "answers": [{"answer": answer, "answer_confidence": "yes", "answer_id": person + 1} for person, answer in enumerate(people)]})
        results.append({"question_id": number, "answer": right if rng.random() < 0.5 else rng.choice(answers)})
    head = {"info": {}, "license": {}, "data_type": "mscoco", "data_subtype": "val2014"}
    dump(folder / "vqa_questions.json", {**head, "task_type": "Open-Ended", "questions": questions})
    dump(folder / "vqa_annotations.json", {**head, "annotations": annotations})
    dump(folder / "vqa_results.json", results)


def detection(folder: Path, images: int, truths: int, detections: int, classes: int) -> None:
    rng = random.Random(3)

    def box() -> list[float]:
        width, height = rng.uniform(8, 300), rng.uniform(8, 300)
        return [round(rng.uniform(0, 640 - width), 2), round(rng.uniform(0, 480 - height), 2), round(width, 2), round(height, 2)]

    annotations = []
    for number in range(truths):
        bounds = box()
        annotations.append({"id": number + 1, "image_id": rng.randrange(images), "category_id": rng.randrange(classes) + 1, "bbox": bounds,
                            "area": bounds[2] * bounds[3] * rng.uniform(0.4, 1.0), "iscrowd": int(rng.random() < 0.01)})
    found = []
    for _ in range(detections):
        if rng.random() < 0.35:
            truth = rng.choice(annotations)
            bounds = [max(0.0, round(edge + rng.gauss(0, 6), 2)) for edge in truth["bbox"]]
            found.append({"image_id": truth["image_id"], "category_id": truth["category_id"], "bbox": bounds, "score": round(rng.random(), 4)})
        else:
            found.append({"image_id": rng.randrange(images), "category_id": rng.randrange(classes) + 1, "bbox": box(), "score": round(rng.random() * 0.6, 4)})
    dump(folder / "instances.json", {"info": {}, "licenses": [], "images": [{"id": image, "width": 640, "height": 480} for image in range(images)],
                                     "categories": [{"id": number + 1, "name": str(number)} for number in range(classes)], "annotations": annotations})
    dump(folder / "detections.json", found)


def dump(path: Path, content) -> None:
    path.write_text(json.dumps(content), encoding="utf-8")


REFERENCES = {
    "captions": """
from pycocotools.coco import COCO
from pycocoevalcap.tokenizer.ptbtokenizer import PTBTokenizer
from pycocoevalcap.bleu.bleu import Bleu
from pycocoevalcap.rouge.rouge import Rouge
from pycocoevalcap.cider.cider import Cider
coco = COCO("captions.json"); results = coco.loadRes("captions_results.json")
gts = {i: coco.imgToAnns[i] for i in coco.getImgIds()}; res = {i: results.imgToAnns[i] for i in coco.getImgIds()}
gts, res = PTBTokenizer().tokenize(gts), PTBTokenizer().tokenize(res)
scores = [Bleu(4).compute_score(gts, res)[0], Rouge().compute_score(gts, res)[0], Cider().compute_score(gts, res)[0]]
print("RESULT", [float(score) for score in scores[0]] + [float(scores[1]), float(scores[2])])
""",
    "vqa": """
import sys; sys.path[:0] = [VQA + "/PythonHelperTools/vqaTools", VQA + "/PythonEvaluationTools"]
from vqa import VQA as Data
from vqaEvaluation.vqaEval import VQAEval
data = Data("vqa_annotations.json", "vqa_questions.json"); results = data.loadRes("vqa_results.json", "vqa_questions.json")
run = VQAEval(data, results, n=2); run.evaluate()
print("RESULT", [run.accuracy["overall"]])
""",
    "detection": """
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval
coco = COCO("instances.json"); run = COCOeval(coco, coco.loadRes("detections.json"), "bbox")
run.evaluate(); run.accumulate(); run.summarize()
print("RESULT", [float(figure) for figure in run.stats])
""",
}
OURS = {
    "captions": ["coco-caption", "--annotations", "captions.json", "--results", "captions_results.json"],
    "vqa": ["vqa", "--questions", "vqa_questions.json", "--annotations", "vqa_annotations.json", "--results", "vqa_results.json"],
    "detection": ["coco-detection", "--gt", "instances.json", "--dt", "detections.json"],
}
FIGURES = {"captions": ["bleu_1", "bleu_2", "bleu_3", "bleu_4", "rouge_l", "cider_d"], "vqa": ["official_percent"], "detection": ["stats"]}


def timed(command: list[str], folder: Path) -> tuple[float, float, float, str]:
    """Wall time, processor time, peak MiB (of the largest process), and what was written."""
    script = ("import os,resource,subprocess,sys,time\nstart=time.monotonic()\ndone=subprocess.run(sys.argv[1:],stdout=subprocess.PIPE,stderr=subprocess.PIPE)\n"
              "wall=time.monotonic()-start\nused=resource.getrusage(resource.RUSAGE_CHILDREN)\nsys.stdout.buffer.write(done.stdout)\n"
              "sys.stderr.buffer.write(done.stderr if done.returncode else b'')\nprint('\\nTIMED',wall,used.ru_utime+used.ru_stime,used.ru_maxrss/1024)\nsys.exit(done.returncode)\n")
    said = subprocess.run(["taskset", "-c", "0", sys.executable, "-c", script, *command], cwd=folder, stdout=subprocess.PIPE, text=True, check=True).stdout
    said, timing = said.rsplit("\nTIMED", 1)
    wall, used, peak = (float(number) for number in timing.split())
    return wall, used, peak, said


def python3(source: Path, folder: Path) -> Path:
    copy = folder / "vqa_python3"
    if not copy.exists():
        subprocess.run(["cp", "-r", str(source), str(copy)], check=True)
        for script in copy.rglob("*.py"):
            script.write_text(script.read_text(encoding="utf-8").expandtabs(8), encoding="utf-8")
        subprocess.run([sys.executable, "-W", "ignore", "-m", "lib2to3", "-w", "-n", str(copy)], check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return copy


def main(program: Path, source: Path, folder: Path) -> None:
    if not (folder / "detections.json").exists():
        captions(folder, 40504)
        vqa(folder, 214354)
        detection(folder, 5000, 37100, 173946, 80)
    prefix = f"VQA = {str(python3(source, folder))!r}\n"
    print("| job | reference: wall s (processor s), MiB | eyechart | times faster | figures |\n|---|---|---|---|---|")
    for job, code in REFERENCES.items():
        theirs, ours = [], []
        for _ in range(RUNS):
            theirs.append(timed([sys.executable, "-c", prefix + code], folder))
            ours.append(timed([str(program), "score", *OURS[job], "--format", "json"], folder))
        expected = json.loads(min(theirs)[3].rsplit("RESULT", 1)[1])
        aggregate = json.loads(min(ours)[3])["aggregate"]
        found = [figure for name in FIGURES[job] for figure in (aggregate[name] if isinstance(aggregate[name], list) else [aggregate[name]])]
        equal = "equal" if found == expected else f"DIFFERENT: {found} not {expected}"
        wall, used, peak = (min(run[column] for run in theirs) for column in range(3))
        our_wall, our_used, our_peak = (min(run[column] for run in ours) for column in range(3))
        faster = f"{wall / our_wall:.1f} ({used / our_used:.1f})"
        print(f"| {job} | {wall:.2f} ({used:.2f}), {peak:.0f} | {our_wall:.2f} ({our_used:.2f}), {our_peak:.0f} | {faster} | {equal} |", flush=True)


if __name__ == "__main__":
    folder = Path(sys.argv[3]) if len(sys.argv) > 3 else Path(tempfile.mkdtemp())
    folder.mkdir(parents=True, exist_ok=True)
    main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve(), folder.resolve())
