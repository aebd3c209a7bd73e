"""How long a list of VQA v2's 214,354 questions takes, and how much memory.

    cargo test --release --test eval --no-run        # prints where the test binary is
    python tools/metrics/vqa_listing.py target/release/deps/eval-<hash>

Writes questions and annotations of the official layout and size (22 and 171 MB), the answers made
up, into a temporary project, and runs the binary there: once with --list, once for a single row.
"""
import json, os, random, subprocess, sys, tempfile, time
from pathlib import Path

COUNT = 214_354
WORDS = "what color is the cat on table man wearing how many people are there in this picture doing".split()
REPOSITORY = Path(__file__).resolve().parents[2]


def question(rng, number):
    image = 42 + number // 5 * 7
    text = " ".join(rng.choices(WORDS, k=rng.randint(4, 9))).capitalize() + "?"
    return {"image_id": image, "question": text, "question_id": image * 1000 + number % 5}


def annotation(rng, question):
    answers = [{"answer": rng.choice(["yes", "no", "red", "2", "a dog"]), "answer_confidence": "yes", "answer_id": person}
               for person in range(1, 11)]
    return {"question_type": "what color is the", "multiple_choice_answer": "yes", "answers": answers,
            "image_id": question["image_id"], "answer_type": "other", "question_id": question["question_id"]}


def project(folder):
    rng = random.Random(7)
    questions = [question(rng, number) for number in range(COUNT)]
    cases = folder / "cases"
    cases.mkdir()
    (cases / "questions.json").write_text(json.dumps({"info": {}, "questions": questions}))
    annotations = [annotation(rng, one) for one in questions]
    (cases / "annotations.json").write_text(json.dumps({"info": {}, "annotations": annotations}))
    os.symlink(REPOSITORY / "cases/images/traffic.png", cases / "picture.png")
    (cases / "vqa.dataset.ron").write_text(
        '(source: Vqa(questions: "questions.json", annotations: "annotations.json", images: "picture.png"),'
        ' prompt: "{question}", generation: (max_new_tokens: 4))')
    (folder / "eyechart.ron").write_text(
        f'(models: {{"tiny": (dir: "{REPOSITORY}/fixtures/models/qwen3-vl-tiny")}})')
    return questions[COUNT // 2]["question_id"]


def measure(binary, folder, arguments):
    environment = {**os.environ, "CARGO_MANIFEST_DIR": str(folder), "EYECHART_OUT": "out"}
    start = time.perf_counter()
    process = subprocess.Popen([binary, *arguments], cwd=folder, env=environment, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL)
    lines = sum(1 for _ in process.stdout)
    _, _, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - start
    print(f"{' '.join(arguments)}: {lines} lines, {seconds:.2f} s wall, {usage.ru_utime + usage.ru_stime:.2f} s CPU, "
          f"{usage.ru_maxrss / 1024:.0f} MiB at most")


def in_child(work):
    """A child's peak memory begins as its parent's, so the parent must stay small."""
    if (child := os.fork()) == 0:
        work()
        os._exit(0)
    os.waitpid(child, 0)


with tempfile.TemporaryDirectory() as folder:
    folder = Path(folder)
    in_child(lambda: (folder / "row").write_text(str(project(folder))))
    row = (folder / "row").read_text()
    binary = Path(sys.argv[1]).resolve()
    for _ in range(3):
        measure(binary, folder, ["--list"])
    measure(binary, folder, ["--exact", f"vqa::{row}::tiny"])
