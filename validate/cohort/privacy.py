"""Keyed pseudonyms: the same patient gets the same name at one site, and nobody without the site key can undo it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import re
import secrets
from collections.abc import Mapping
from pathlib import Path

from validate.canonical import pretty_json, write_atomically
from validate.errors import MachineError

KEY_BYTES = 32
LETTERS = {
    "patient": "P",
    "study": "S",
    "series": "E",
    "image": "I",
    "unit": "U",
    "file": "F",
    "device": "D",
    "institution": "N",
}
PSEUDONYM = re.compile(r"[A-Z]-[A-Z2-7]{16}")


def home() -> Path:
    """The user's own data folder, outside every run folder: VALIDATE_HOME, or the platform's place."""
    chosen = os.environ.get("VALIDATE_HOME")
    if chosen:
        return Path(chosen)
    from platformdirs import user_data_path

    return user_data_path("validate", appauthor=False)


def site_key(folder: Path | None = None) -> bytes:
    """This site's secret, 32 bytes; made at first use, readable by its owner only. Never written into a run.

    Raises MachineError when it can't be read or made, or when it is damaged.
    """
    path = (folder or home()) / "site.key"
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            _make_key(path)
        key = path.read_bytes()
    except OSError as error:
        raise MachineError(
            f"{path}: the site key can't be read or made: {error.strerror}. Set VALIDATE_HOME."
        ) from error
    if len(key) != KEY_BYTES:
        raise MachineError(
            f"{path}: the site key has {len(key)} bytes, expected {KEY_BYTES}. Restore it from a backup."
        )
    return key


def _make_key(path: Path) -> None:
    """Two runs that start together end up with one key: the first link wins."""
    partial = path.with_name(f".site.key.{os.getpid()}.{secrets.token_hex(4)}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, secrets.token_bytes(KEY_BYTES))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()


def pseudonym(key: bytes, kind: str, value: str) -> str:
    """Such as "P-7KQ4M2XH3ZB5W6LA": HMAC-SHA256 of kind and value, 80 bits in base 32."""
    mac = hmac.new(key, f"{kind}\x1f{value}".encode("utf-8", "surrogateescape"), hashlib.sha256).digest()
    return f"{LETTERS[kind]}-{base64.b32encode(mac[:10]).decode()}"


def is_pseudonym(text: str) -> bool:
    """Whether a text has the form of a pseudonym."""
    return PSEUDONYM.fullmatch(text) is not None


def write_lookup(cohort_digest: str, paths: Mapping[str, str], *, folder: Path | None = None) -> Path:
    """Where each unit's file lies, for the site's own eyes: beside the site key, never in a run folder."""
    path = (folder or home()) / "lookup" / f"{cohort_digest[:16]}.json"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # A file name may hold bytes that are no text, which JSON can't; they are shown by number.
    plain = {unit: os.fsencode(place).decode("utf-8", "backslashreplace") for unit, place in paths.items()}
    write_atomically(path, pretty_json(plain))
    path.chmod(0o600)
    return path
