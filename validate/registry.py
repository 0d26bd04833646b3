"""The file system is the registry: a dotted name in a protocol is a module, loaded only when named.

`metric: classification.auroc` is validate/metrics/classification/auroc.py and its METRIC. A file that holds the same
thing of several measures has METRICS: `segmentation.mean.dice` is "dice" of validate/metrics/segmentation/mean.py. Third parties add
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
    "perturbations": ("validate.imaging.perturb", "PERTURBATION"),
    "rewritings": ("validate.imaging.rewrite", "REWRITING"),
    "models": ("validate.models", "ADAPTER"),
    "engines": ("validate.inference", "ENGINE"),
    "casewise": ("validate.casewise", "CASEWISE"),
    "metrics": ("validate.metrics", "METRIC"),
    "analyses": ("validate.analyses", "ANALYSIS"),
    "sections": ("validate.report.sections", "SECTION"),
}


@cache
def names(kind: str) -> tuple[str, ...]:
    """Every name of this kind, sorted; found by reading files. Only a file that holds several is imported."""
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
    module, key = _shipped(package, attribute)[name]
    found = importlib.import_module(f"{package}.{module}")
    return getattr(found, attribute) if key is None else getattr(found, f"{attribute}S")[key]


def origin(kind: str, name: str) -> dict[str, str]:
    """Distribution and version that a plug-in comes from, for the evidence."""
    entry = _foreign(kind).get(name)
    distribution = entry.dist if entry is not None else None
    if distribution is None:
        from validate import __version__

        return {"distribution": "validate-imaging", "version": __version__}
    return {"distribution": distribution.name, "version": distribution.version}


@cache
def _shipped(package: str, attribute: str) -> dict[str, tuple[str, str | None]]:
    """Name → (module, None), or of one of several in a file (module, its key)."""
    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        return {}
    single, several = (re.compile(rf"^{name}\b", re.MULTILINE) for name in (attribute, f"{attribute}S"))
    found: dict[str, tuple[str, str | None]] = {}
    for module in pkgutil.walk_packages(spec.submodule_search_locations, f"{package}."):
        name = module.name.removeprefix(f"{package}.")
        for root in () if module.ispkg else spec.submodule_search_locations:
            path = Path(root, *name.split(".")).with_suffix(".py")
            text = path.read_text(encoding="utf-8") if path.is_file() else ""
            if single.search(text):
                found[name] = (name, None)
            elif several.search(text):
                keys = getattr(importlib.import_module(module.name), f"{attribute}S")
                found |= {f"{name}.{key}": (name, key) for key in keys}
    return found


@cache
def _foreign(kind: str) -> dict[str, EntryPoint]:
    return {entry.name: entry for entry in entry_points(group=f"validate.{kind}")}
