"""MANIFEST.sha256 of a sample folder, in the form that `sha256sum --check` reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

NAME = "MANIFEST.sha256"


def write_manifest(folder: Path) -> tuple[Path, ...]:
    """Digest every file under `folder`, hidden files and the manifest itself apart; returns the files digested."""
    files = tuple(sorted(path for path in folder.rglob("*") if path.is_file() and _counts(path.relative_to(folder))))
    lines = (
        f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.relative_to(folder).as_posix()}" for path in files
    )
    (folder / NAME).write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")
    return files


def read_manifest(folder: Path) -> dict[str, str]:
    """Relative path of each file → its SHA-256 in hexadecimal."""
    lines = (folder / NAME).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", maxsplit=1) for line in lines)}


def _counts(path: Path) -> bool:
    return path.as_posix() != NAME and not any(part.startswith(".") for part in path.parts)
