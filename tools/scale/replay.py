"""How long a suite of 10,000 replayed cases takes, and how much memory, beside pytest.

    python -m venv VENV && VENV/bin/pip install -r tools/scale/requirements.txt
    cargo test --release --test eval --no-run        # prints where the test binary is
    VENV/bin/python tools/scale/replay.py target/release/deps/eval-<hash>

One case is answered by the checkpoint that ships. Its record is written 10,000 times, once for a case
file each, into a temporary project whose registry has that journal alone; the binary judges them all,
best of five, and a tenth of them, to tell what memory a case takes. In turn pytest collects and runs
as many empty tests of one parametrised function, best of five too.
"""
import json, os, shutil, subprocess, sys, tempfile, time
from pathlib import Path

COUNT, ROUNDS = 10_000, 5
REPOSITORY = Path(__file__).resolve().parents[2]
CASE = '(images: ["{picture}"], prompt: "What is in the picture?", expect: {expect}, snapshot: Off)\n'
EXPECTATIONS = ['Regex(".")', 'Not(Exact("never said, {number}"))', 'Any([Contains("car"), Regex("[a-z]")])']


def measured(command, **options):
    """Wall seconds and peak resident MiB of a command that must succeed."""
    started = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, **options)
    said = process.stderr.read().decode()
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - started
    assert status == 0, said
    return seconds, usage.ru_maxrss / 1024


def environment(project):
    return os.environ | {"CARGO_MANIFEST_DIR": str(project), "EYECHART_OUT": "out", "EYECHART_DEVICE": "cpu"}


def recorded(folder, binary):
    """The journal of one case that the checkpoint answered."""
    project = folder / "recorded"
    (project / "cases").mkdir(parents=True)
    shutil.copy(REPOSITORY / "cases/images/traffic.png", project / "cases")
    (project / "cases/one.ron").write_text(CASE.format(picture="traffic.png", expect=EXPECTATIONS[0]))
    model = REPOSITORY / "fixtures/models/qwen3-vl-tiny"
    (project / "eyechart.ron").write_text(f'(models: {{"tiny": (dir: "{model}")}})')
    measured([binary], cwd=project, env=environment(project))
    return (project / "out/journal.jsonl").read_text().splitlines()


def replaying(folder, header, trial, count):
    """A project of `count` cases in folders of a hundred, and the journal of their answers."""
    project = folder / f"replay-{count}"
    (project / "cases").mkdir(parents=True)
    shutil.copy(REPOSITORY / "cases/images/traffic.png", project / "cases")
    (project / "eyechart.ron").write_text('(models: {"then": (replay: "recorded.jsonl")})')
    lines = [header]
    for number in range(count):
        name = f"group_{number // 100:03}/case_{number:05}"
        path = project / f"cases/{name}.ron"
        path.parent.mkdir(exist_ok=True)
        expect = EXPECTATIONS[number % len(EXPECTATIONS)].format(number=number)
        path.write_text(CASE.format(picture="../traffic.png", expect=expect))
        trial["trial"]["case"] = name.replace("/", "::")
        lines.append(json.dumps(trial, separators=(",", ":"), ensure_ascii=False))
    (project / "recorded.jsonl").write_text("\n".join(lines) + "\n")
    return project


def main():
    binary = str(Path(sys.argv[1]).resolve())
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        header, trial = recorded(folder, binary)
        sizes = {count: replaying(folder, header, json.loads(trial), count) for count in (COUNT // 10, COUNT)}
        test = folder / "test_empty.py"
        test.write_text(f"import pytest\n\n@pytest.mark.parametrize('n', range({COUNT}))\ndef test_empty(n): pass\n")
        pytest = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
        best = {}
        for _ in range(ROUNDS):
            for count, project in sizes.items():
                best[f"eyechart, {count}"] = min(
                    best.get(f"eyechart, {count}", (1e9, 0)), measured([binary], cwd=project, env=environment(project)))
            best[f"pytest, {COUNT}"] = min(best.get(f"pytest, {COUNT}", (1e9, 0)), measured(pytest, cwd=folder))
        report = json.loads((sizes[COUNT] / "out/summary.json").read_text())
        assert report["rows"][-1]["figures"]["counts"]["passed"] == COUNT
        for name, (seconds, mebibytes) in best.items():
            count = int(name.split(", ")[1])
            print(f"{name}: {seconds:.2f} s, {seconds / count * 1000:.3f} ms each, {mebibytes:.0f} MiB at most")


main()
