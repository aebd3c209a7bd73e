"""Where the data goes, and how it is written."""

import json
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
ORACLE = ROOT / "fixtures" / "oracle"
PICTURES = ORACLE / "pictures"


def write_json(path: Path, content) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
