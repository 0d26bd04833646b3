"""MANIFEST.sha256 of a sample folder, in the form that `sha256sum --check` reads."""

from __future__ import annotations

import hashlib
from pathlib import Path

NAME = "MANIFEST.sha256"


def write_manifest(folder: Path) -> tuple[Path, ...]:
    """Write the digest of every file under `folder`; returns the files."""
    digests = _digests(folder)
    lines = "".join(f"{digest}  {name}\n" for name, digest in digests.items())
    (folder / NAME).write_text(lines, encoding="utf-8", newline="\n")
    return tuple(folder / name for name in digests)


def read_manifest(folder: Path) -> dict[str, str]:
    """Relative path of each file → its SHA-256 in hexadecimal."""
    lines = (folder / NAME).read_text(encoding="utf-8").splitlines()
    return {name: digest for digest, name in (line.split("  ", maxsplit=1) for line in lines)}


def differences(folder: Path) -> tuple[str, ...]:
    """Names in the manifest whose file is gone or has changed; the manifest's own name where it is missing."""
    if not (folder / NAME).is_file():
        return (NAME,)
    found = _digests(folder)
    return tuple(name for name, digest in read_manifest(folder).items() if found.get(name) != digest)


def _digests(folder: Path) -> dict[str, str]:
    """Relative path → SHA-256, sorted; hidden files and the manifest itself apart."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and _counts(path.relative_to(folder)))
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


def _counts(path: Path) -> bool:
    return path.as_posix() != NAME and not any(part.startswith(".") for part in path.parts)
