"""How long a suite of 10,000 replayed cases takes, and how much memory, beside pytest.

    python -m venv VENV && VENV/bin/pip install -r tools/scale/requirements.txt
    cargo test --release --test eval --no-run        # prints where the test binary is
    VENV/bin/python tools/scale/replay.py target/release/deps/eval-<hash>

One case is answered by the checkpoint that ships. Its record is written 10,000 times, once for a case
file each, into a temporary project whose registry has that journal alone; the binary judges them all,
best of five, and a tenth of them, to tell what memory a case takes. In turn pytest collects and runs
as many empty tests of one parametrised function, best of five too. Memory is that of one more run, as
Linux tells it while that goes on: what `wait4` tells of a child counts its parent's pages too.
"""
import json, os, re, shutil, subprocess, sys, tempfile, time
from pathlib import Path

COUNT, ROUNDS = 10_000, 5
REPOSITORY = Path(__file__).resolve().parents[2]
CASE = '(images: ["{picture}"], prompt: "What is in the picture?", expect: {expect}, snapshot: Off)\n'
EXPECTATIONS = ['Regex(".")', 'Not(Exact("never said, {number}"))', 'Any([Contains("car"), Regex("[a-z]")])']


def seconds(command, **options):
    """Wall time of a command that must succeed."""
    started = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    return time.perf_counter() - started


def mebibytes(command, **options):
    """Peak resident memory of a command, looked at every millisecond."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **options)
    peak = 0
    while process.poll() is None:
        status = Path(f"/proc/{process.pid}/status").read_text()
        found = re.search(r"VmHWM:\s+(\d+) kB", status)
        # The first look may still see the program that started it.
        if found and Path(f"/proc/{process.pid}/exe").resolve() == Path(command[0]).resolve():
            peak = max(peak, int(found[1]))
        time.sleep(0.001)
    return peak / 1024


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
    seconds([binary], cwd=project, env=environment(project))
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
        commands = {f"eyechart, {count}": dict(command=[binary], cwd=project, env=environment(project))
                    for count, project in sizes.items()}
        commands[f"pytest, {COUNT}"] = dict(command=pytest, cwd=folder)
        best = dict.fromkeys(commands, float("inf"))
        for _ in range(ROUNDS):
            for name, command in commands.items():
                best[name] = min(best[name], seconds(**command))
        report = json.loads((sizes[COUNT] / "out/summary.json").read_text())
        assert report["rows"][-1]["figures"]["counts"]["passed"] == COUNT
        for name, command in commands.items():
            each = best[name] / int(name.split(", ")[1]) * 1000
            print(f"{name}: {best[name]:.2f} s, {each:.3f} ms each, {mebibytes(**command):.0f} MiB at most")


main()
