"""Stands for podman where there is none: writes down what it is asked, and runs the image's program on the mounted folders."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

FOLDERS = {
    "/input": "INPUT",
    "/output": "OUTPUT",
    "/mlcommons/volumes/data": "INPUT",
    "/mlcommons/volumes/predictions": "OUTPUT",
}


def main() -> int:
    here, asked = Path(sys.argv[1]), sys.argv[2:]
    with (here / "asked.jsonl").open("a") as lines:
        lines.write(json.dumps(asked) + "\n")
    if asked[0] == "--version":
        print("podman version 4.9.9")
    elif asked[0] == "info":
        print((here / "info.json").read_text() if (here / "info.json").exists() else "{}")
    elif asked[:2] == ["image", "inspect"]:
        if asked[2].startswith("absent"):
            print("Error: absent: no such image", file=sys.stderr)
            return 125
        print(json.dumps([{"Id": "ab" * 32, "RepoDigests": [f"example.org/tiny@sha256:{'cd' * 32}"]}]))
    elif asked[0] == "load":
        print("Loaded image: localhost/tiny:1")
    elif asked[0] == "run":
        words = [asked[place + 1].split(":") for place, word in enumerate(asked) if word == "--volume"]
        folders = {FOLDERS[target]: source for source, target, _ in words if target in FOLDERS}
        return subprocess.run(["/bin/sh", str(here / "run.sh")], env={**os.environ, **folders}, check=False).returncode
    return 0


if __name__ == "__main__":
    sys.exit(main())
