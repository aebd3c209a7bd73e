"""The engine with one checkpoint: memory against its prediction, batches against answers alone, memory that runs out, several GPUs.

Usage: python engine.py CHECKPOINT BINARIES OUT [--device cuda] [--new 64] [--skip WORK..]
BINARIES is a folder with `eval` (the test binary) and `eyechart`. Asks the checkpoint about the pictures of the starter suite and
writes a Markdown report to OUT. Running out of memory needs torch, which takes up what would be too much.
"""

import argparse
import collections
import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROMPTS = ["Describe the image.", "What is in the middle of the image?", "Which colours are there?"]
PROJECT = Path("/tmp/engine-project")
HELD = "import sys, time, torch; free, _ = torch.cuda.mem_get_info(); held = torch.empty(free - int(sys.argv[1]), dtype=torch.uint8, device='cuda'); print('held', flush=True); time.sleep(600)"


def make_project(checkpoint: Path, new: int) -> None:
    cases = PROJECT / "cases"
    cases.mkdir(parents=True, exist_ok=True)
    (PROJECT / "eyechart.ron").write_text(f'(models: {{"model": (dir: "{checkpoint}")}})')
    (cases / "defaults.ron").write_text(f'(image_folder: "{ROOT / "cases/images"}", snapshot: Off, generation: (max_new_tokens: {new}, min_new_tokens: {new}))')
    for picture in sorted((ROOT / "cases/images").iterdir()):
        for number, prompt in enumerate(PROMPTS):
            case = f'(images: ["{picture.name}"], prompt: "{prompt}", expect: Not(Exact("never said")))'
            (cases / f"{picture.stem}_{number}.ron").write_text(case)


class Run:
    """One run of the suite: its records, what it said, and how long it took."""

    def __init__(self, args, name: str, **variables: str):
        self.name = name
        out = PROJECT / "out" / name.replace(" ", "-").replace(",", "")
        environment = os.environ | {"CARGO_MANIFEST_DIR": str(PROJECT), "EYECHART_OUT": str(out), "EYECHART_DEVICE": args.device, "EYECHART_DTYPE": "bf16"} | variables
        started = time.perf_counter()
        done = subprocess.run([args.binaries / "eval", "--test-threads=1"], cwd=PROJECT, env=environment, capture_output=True, text=True)
        self.seconds = time.perf_counter() - started
        self.said = done.stderr
        if done.returncode not in (0, 101):
            raise SystemExit(f"{name} ended with {done.returncode}:\n{done.stderr}")
        records = (json.loads(line) for line in (out / "journal.jsonl").read_text().splitlines())
        self.trials = [record["trial"] for record in records if "trial" in record]

    def answered(self) -> list[dict]:
        return [trial for trial in self.trials if trial.get("answer")]

    def texts(self) -> dict[str, list[int]]:
        return {trial["case"]: trial["answer"]["token_ids"] for trial in self.answered()}

    def conditions(self, name: str) -> list:
        return [trial["answer"]["conditions"].get(name) for trial in self.answered()]

    def peak(self) -> int:
        return max(trial["answer"]["peak_memory_bytes"] for trial in self.answered())

    def notices(self) -> list[str]:
        return [line for line in self.said.splitlines() if "out of memory" in line]


def planned(args, batch: int) -> float:
    """Bytes that `eyechart plan` predicts altogether."""
    environment = os.environ | {"EYECHART_BATCH": str(batch), "EYECHART_DTYPE": "bf16", "EYECHART_DEVICE": args.device}
    said = subprocess.run([args.binaries / "eyechart", "plan"], cwd=PROJECT, env=environment, capture_output=True, text=True, check=True).stdout
    amount, unit = re.findall(r"([\d.]+) ([kMG]?B)", said.splitlines()[-1])[-1]
    return float(amount) * {"B": 1, "kB": 1e3, "MB": 1e6, "GB": 1e9}[unit]


def gigabytes(count: float) -> str:
    return f"{count / 1e9:.2f} GB"


def memory_and_batches(args, report) -> None:
    report("| batch | predicted | measured peak | off by | answers that differ alone | largest margin there |")
    report("|---|---|---|---|---|---|")
    for precision, batch in [("bf16", 1), ("bf16", 8), ("bf16", 32), ("f32", 32)]:
        check = {} if batch == 1 else {"EYECHART_SELF_CHECK": "batch"}
        run = Run(args, f"{precision}, batch {batch}", EYECHART_BATCH=str(batch), EYECHART_DTYPE=precision, **check)
        differing = [check["differs"] for check in run.conditions("self_check") if isinstance(check, dict)]
        margins = [max(other["margin"] or 0, other["margin_alone"] or 0) for other in differing]
        predicted = planned(args, batch) if precision == "bf16" else None
        cells = [run.name, gigabytes(predicted) if predicted else "", gigabytes(run.peak()), f"{100 * (predicted / run.peak() - 1):+.1f} %" if predicted else "",
                 f"{len(differing)} of {len(run.answered())}" if check else "", f"{max(margins):.3f}" if margins else ""]
        report(f"| {' | '.join(cells)} |")


def too_little_memory(args, report) -> None:
    room = int(planned(args, 8) * 1.15 + 0.8e9)
    holder = subprocess.Popen([sys.executable, "-c", HELD, str(room)], stdout=subprocess.PIPE, text=True)
    holder.stdout.readline()
    try:
        for name, variables in [("asked for 32", {"EYECHART_BATCH": "32"}), ("left to the engine", {})]:
            run = Run(args, name, **variables)
            failed = len(run.trials) - len(run.answered())
            batches = collections.Counter(run.conditions("largest_batch"))
            report(f"\nWith {gigabytes(room)} free, batch {name}: {len(run.answered())} answered, {failed} not; largest batches {dict(batches)}; said: {run.notices()}")
    finally:
        holder.kill()


def several(args, report) -> None:
    one = Run(args, "one GPU", EYECHART_BATCH="32")
    for devices in ("cuda:all",):
        run = Run(args, devices, EYECHART_BATCH="32", EYECHART_DEVICE=devices)
        shares = collections.Counter(trial["place"]["device"] for trial in run.answered())
        same = sum(one.texts()[case] == ids for case, ids in run.texts().items())
        report(f"\n{devices}: {dict(shares)}, {same} of {len(run.texts())} answers as on one; whole run {run.seconds:.1f} s, on one {one.seconds:.1f} s")


WORK = {"memory": memory_and_batches, "shortage": too_little_memory, "several": several}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("checkpoint", type=Path)
    parser.add_argument("binaries", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--device", default="cuda")
    parser.add_argument("--new", type=int, default=64)
    parser.add_argument("--skip", nargs="*", choices=WORK, default=[])
    args = parser.parse_args()
    args.checkpoint, args.binaries = args.checkpoint.resolve(), args.binaries.resolve()
    make_project(args.checkpoint, args.new)
    with args.out.open("w") as out:
        def report(line: str) -> None:
            print(line, flush=True)
            print(line, file=out, flush=True)

        for name, work in WORK.items():
            if name not in args.skip:
                work(args, report)


if __name__ == "__main__":
    main()
