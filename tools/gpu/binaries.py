"""Copies what `cargo test --no-run --message-format=json` built to a folder, under plain names.

Usage: cargo test --no-run --message-format=json .. | python binaries.py FOLDER
The tests of the library become `lib`, those of tests/NAME.rs `NAME`.
"""

import json
import shutil
import sys
from pathlib import Path

for line in sys.stdin:
    built = json.loads(line)
    if built.get("executable") and built["profile"]["test"]:
        target = built["target"]
        shutil.copy(built["executable"], Path(sys.argv[1]) / ("lib" if "lib" in target["kind"] else target["name"]))
