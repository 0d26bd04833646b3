"""The digest of a model, checked before anything in the file is interpreted."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path

from validate.errors import ModelError
from validate.protocol.model import Model


def model_path(model: Model, base: Path) -> Path:
    """Where the model's file lies. Raises ModelError when there is none."""
    if model.path is None:
        raise ModelError(f"models.{model.id}.path: missing; the '{model.format}' format needs the path of a file.")
    path = base / model.path
    if path.is_dir():
        raise ModelError(f"models.{model.id}.path: {path} is a folder; name the model file in it.")
    if not path.is_file():
        raise ModelError(
            f"models.{model.id}.path: no file at {path}. Relative paths start from the protocol's folder, {base}."
        )
    return path


def read_model(path: Path, *, model: Model) -> bytes:
    """The whole file, read once: what is hashed is what is opened. Raises ModelError when it can't be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"models.{model.id}.path: {path} can't be read: {error.strerror}.") from error


def digest_of(files: Mapping[str, bytes]) -> str:
    """SHA-256 of one file, or of the listing that `sha256sum` prints for several, sorted by name.

    files : content by name relative to the model's folder
    """
    return digest_of_digests({name: hashlib.sha256(content).hexdigest() for name, content in files.items()})


def digest_of_digests(digests: Mapping[str, str]) -> str:
    """The same, of files hashed already."""
    if len(digests) == 1:
        return next(iter(digests.values()))
    listing = "".join(f"{digests[name]}  {name}\n" for name in sorted(digests))
    return hashlib.sha256(listing.encode()).hexdigest()


def check_digest(found: str, *, model: Model) -> None:
    """Raises ModelError, with both digests, when the file is not the one that the protocol names."""
    if model.sha256 is None or model.sha256.lower() == found:
        return
    raise ModelError(
        f"models.{model.id}.sha256: the file is not the one the protocol names: its SHA-256 is {found}, the protocol "
        f"says {model.sha256}. Get the right file, or, if this one is meant, write its digest into the protocol: "
        "that makes it another protocol."
    )
