"""In a child process that has been confined: the callable that a CodeSource names."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
from numpy.typing import NDArray


def imported(request: Mapping[str, Any], content: NDArray[np.uint8]) -> Any:
    """The object that `call` names, from exactly the bytes that were hashed where it is a single file."""
    sys.dont_write_bytecode = True
    module_name, _, attribute = str(request["call"]).partition(":")
    if request["folder"] is not None:
        sys.path.insert(0, str(request["folder"]))
    if request["folder"] is None and not request["installed"]:
        found: Any = _executed(module_name, str(request["name"]), content.tobytes())
    else:
        found = importlib.import_module(module_name)
    for part in attribute.split("."):
        found = getattr(found, part)
    if not callable(found):
        raise TypeError(f"{request['call']} is {type(found).__name__}, which can't be called")
    return found


def _executed(name: str, file_name: str, content: bytes) -> ModuleType:
    module = ModuleType(name)
    module.__file__ = file_name
    sys.modules[name] = module
    exec(compile(content, file_name, "exec"), module.__dict__)  # noqa: S102 - it is what this process is for
    return module
