"""Writes what `compare.py` measured as two tables in Markdown: python table.py RESULT.json.. > table.md"""

import json
import sys
from pathlib import Path


def side_by_side(form: str, *numbers: float | None) -> str:
    return " / ".join(f"{number:{form}}" for number in numbers if number is not None)


def speed(report: dict) -> list[str]:
    rows = []
    mine = {row["batch"]: row for row in report["ours"] if "batch" in row}
    for reference in report["transformers"]["batches"]:
        row = mine[reference["batch"]]
        compiled = reference.get("compiled_cases_per_second")
        cells = [report["model"], str(row["batch"]), side_by_side(".0f", row["first_token_ms"], reference["first_token_ms"]),
                 side_by_side(".2f", row["step_ms"], reference["step_ms"], reference.get("compiled_step_ms")),
                 side_by_side(".1f", row["cases_per_second"], reference["cases_per_second"], compiled),
                 side_by_side(".1f", row["cases_per_second"] / reference["cases_per_second"], compiled and row["cases_per_second"] / compiled)]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def agreement(report: dict) -> str:
    logits, greedy = report["logits"], report["greedy"]
    at, margin = greedy["first_difference"], greedy["their_margin_there"]
    where = "none" if at is None else f"token {at}, margin {margin:.3f}"
    start = next(row for row in report["ours"] if "load_seconds" in row)
    cells = [report["model"], f"{logits['ours_from_f32']:.4f} / {logits['theirs_from_f32']:.4f}", where, f"{start['load_seconds']:.1f}", f"{start['first_answer_seconds']:.1f}"]
    return f"| {' | '.join(cells)} |"


def main(paths: list[str]) -> None:
    reports = [json.loads(Path(path).read_text()) for path in paths]
    print("| model | batch | first token, ms: eyechart / eager | decode step, ms: eyechart / eager / compiled | cases/s | ratio |")
    print("|---|---|---|---|---|---|")
    print("\n".join(row for report in reports for row in speed(report)))
    print("\n| model | first logits from f32: eyechart / transformers | greedy ids differ first at | load, s | first answer, s |")
    print("|---|---|---|---|---|")
    print("\n".join(agreement(report) for report in reports))


if __name__ == "__main__":
    main(sys.argv[1:])
