"""The file system is the registry: a dotted name in a protocol is a module, loaded only when named.

`metric: classification.auroc` is validate/metrics/classification/auroc.py and its METRIC. Third parties add
names by entry points (`validate.metrics`, `validate.models`, …) whose value is `module:ATTRIBUTE`.
"""

from __future__ import annotations

import importlib
import pkgutil
import re
from difflib import get_close_matches
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from validate.errors import ProtocolError

# kind → (package, the attribute that makes a module a plug-in)
KINDS = {
    "models": ("validate.models", "ADAPTER"),
    "engines": ("validate.inference", "ENGINE"),
    "casewise": ("validate.casewise", "CASEWISE"),
    "metrics": ("validate.metrics", "METRIC"),
    "analyses": ("validate.analyses", "ANALYSIS"),
    "sections": ("validate.report.sections", "SECTION"),
}


@cache
def names(kind: str) -> tuple[str, ...]:
    """Every name of this kind, sorted; found by reading files, without importing them."""
    package, attribute = KINDS[kind]
    return tuple(sorted({*_shipped(package, attribute), *_foreign(kind)}))


@cache
def load(kind: str, name: str) -> Any:
    """The plug-in object called `name`. Raises ProtocolError with the nearest names when there is none."""
    package, attribute = KINDS[kind]
    if name in (foreign := _foreign(kind)):
        return foreign[name].load()
    if name not in names(kind):
        near = get_close_matches(name, names(kind), n=1)
        hint = f" Did you mean '{near[0]}'?" if near else ""
        raise ProtocolError(f"no {kind} plug-in called '{name}'; there are {', '.join(names(kind))}.{hint}")
    return getattr(importlib.import_module(f"{package}.{name}"), attribute)


def origin(kind: str, name: str) -> dict[str, str]:
    """Distribution and version that a plug-in comes from, for the evidence."""
    entry = _foreign(kind).get(name)
    distribution = entry.dist if entry is not None else None
    if distribution is None:
        from validate import __version__

        return {"distribution": "validate-imaging", "version": __version__}
    return {"distribution": distribution.name, "version": distribution.version}


def _shipped(package: str, attribute: str) -> list[str]:
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return []
    declares = re.compile(rf"^{attribute}\b", re.MULTILINE)
    found = []
    for module in pkgutil.walk_packages(spec.submodule_search_locations, f"{package}."):
        if module.ispkg:
            continue
        name = module.name.removeprefix(f"{package}.")
        for root in spec.submodule_search_locations:
            path = Path(root, *name.split(".")).with_suffix(".py")
            if path.is_file() and declares.search(path.read_text(encoding="utf-8")):
                found.append(name)
    return found


@cache
def _foreign(kind: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"validate.{kind}")}
