"""Where foreign Python code lies, found without importing it: a .py file, a folder, an installed package, an entry point."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import metadata
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import ModelError
from validate.models.digest import read_model
from validate.protocol.model import Model

IGNORED = {"__pycache__", ".git"}


@dataclass(frozen=True, slots=True)
class CodeSource:
    """
    call : "module:callable"      origin : a note for the evidence
    contents : of every file, by name; what is hashed      single : content of the one file, where it is one
    folder : where the child imports from; None for a single file and for an installed package
    installed : the package is among those installed
    """

    call: str
    origin: str
    contents: Mapping[str, bytes] = field(repr=False)
    single: tuple[str, bytes] | None = field(repr=False)
    folder: str | None
    installed: bool

    def request(self) -> dict[str, Any]:
        """What the child (code_child.py) must know to import it."""
        return {
            "call": self.call,
            "folder": self.folder,
            "name": self.single[0] if self.single is not None else "",
            "installed": self.installed,
        }

    def content(self) -> NDArray[np.uint8]:
        """The bytes of a single file, which the child executes exactly as they were hashed; else empty."""
        return np.frombuffer(self.single[1] if self.single is not None else b"", dtype=np.uint8)


def find_code(call: str, path: Path | None, *, group: str, key: str, model: Model) -> CodeSource:
    """
    Call : "module:callable" or the name of an entry point in `group`      path : None for an installed package
    key : of the protocol that names it, for messages
    Raises ModelError.
    """
    named, origin = _resolved(call, group, key, model)
    module = named.partition(":")[0]
    if path is None:
        source = _installed(module, key, model)
        files = {source.name: source} if source.is_file() else _files(source, key, model)
    else:
        source, files = _given(path, module, key, model)
    contents = {name: read_model(file, model=model) for name, file in files.items()}
    single = (source.name, contents[source.name]) if source.is_file() and path is not None else None
    folder = None if path is None or single is not None else str(source)
    return CodeSource(named, origin, contents, single, folder, installed=path is None)


def _resolved(call: str, group: str, key: str, model: Model) -> tuple[str, str]:
    """module:callable, and a note of where it comes from."""
    if ":" in call:
        return call, f"callable {call}"
    entries = metadata.entry_points(group=group)
    found = [entry for entry in entries if entry.name == call]
    if len(found) != 1:
        known = sorted({entry.name for entry in entries})
        raise ModelError(
            f"models.{model.id}.{key}: {len(found)} entry points called '{call}' in the group {group}; installed are "
            f"{', '.join(known) or 'none'}. Name an installed one, or say module:callable."
        )
    (entry,) = found
    package = f" of {entry.dist.name} {entry.dist.version}" if entry.dist is not None else ""
    return entry.value, f"callable {entry.value}, entry point '{call}'{package}"


def _given(path: Path, module: str, key: str, model: Model) -> tuple[Path, dict[str, Path]]:
    if path.is_dir():
        return path.resolve(), _files(path, key, model)
    where = "path" if key == "call" else "code"
    if path.suffix != ".py" or not path.is_file():
        raise ModelError(
            f"models.{model.id}.{where}: {path} is neither a folder nor a .py file; it must hold '{module}'."
        )
    if path.stem != module:
        raise ModelError(f"models.{model.id}.{key}: the module is '{module}', but {where} is the file {path.name}.")
    return path, {path.name: path}


def _installed(module: str, key: str, model: Model) -> Path:
    """The folder or file of the top-level package."""
    top = module.partition(".")[0]
    spec = PathFinder.find_spec(top)
    if spec is None or spec.origin is None or not Path(spec.origin).is_file():
        where = "path" if key == "call" else "code"
        raise ModelError(
            f"models.{model.id}.{key}: no installed package '{top}'. Install it, or say in {where} where its code lies."
        )
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _files(folder: Path, key: str, model: Model) -> dict[str, Path]:
    """Every file of the folder by its relative name. Links that lead out of it are refused."""
    files = {}
    where = "path" if key == "call" else "code"
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if IGNORED & set(name.parts) or path.is_dir():
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ModelError(f"models.{model.id}.{where}: {name} leads out of the model's folder: refused.")
        files[name.as_posix()] = path
    if not files:
        raise ModelError(f"models.{model.id}.{where}: the folder {folder} is empty.")
    return files
