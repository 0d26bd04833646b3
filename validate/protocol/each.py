"""`target: each` written out: one endpoint for every class, finding or step, and one criterion, comparison or place for each.

What is locked is the written-out form: "auroc" of each finding becomes "auroc.nodule", "auroc.effusion", …
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from validate.protocol.problem import Place
from validate.protocol.targets import AT_LEAST, EACH, written

UNSAFE = re.compile(r"[^A-Za-z0-9_.-]+")


def spread_each(data: dict[str, Any], moved: dict[Place, Place]) -> None:
    """Write out `each` in endpoints and in all that names them; `moved` leads from the new places to the written ones.

    Whatever is not of the expected shape is left for the schema to refuse.
    """
    targets = _targets(data)
    if not targets or not isinstance(data.get("endpoints"), list):
        return
    members: dict[str, list[str]] = {}
    spread: list[Any] = []
    for index, endpoint in enumerate(data["endpoints"]):
        if not _is_each(endpoint):
            _put(spread, endpoint, ("endpoints", index), moved)
            continue
        for target in targets:
            name = f"{endpoint['id']}.{UNSAFE.sub('_', target)}"
            members.setdefault(endpoint["id"], []).append(name)
            _put(spread, {**endpoint, "id": name, "target": target}, ("endpoints", index), moved)
    if not members:
        return
    data["endpoints"] = spread
    for block in ("acceptance", "comparisons"):
        if isinstance(data.get(block), list):
            data[block] = _follow(data[block], block, members, moved)
    family = data.get("multiplicity")
    if isinstance(family, dict) and isinstance(family.get("order"), list):
        order = [name for one in family["order"] for name in _members(one, members)]
        data["multiplicity"] = {**family, "order": order}


def _targets(data: Mapping[str, Any]) -> list[str]:
    reference = data.get("reference")
    if not isinstance(reference, dict):
        return []
    if isinstance(reference.get("findings"), dict):
        return [str(name) for name in reference["findings"]]
    if isinstance(reference.get("classes"), dict):
        return [str(name) for name in reference["classes"]]
    if isinstance(reference.get("classes"), list):
        return [written(value) for value in reference["classes"]]
    if isinstance(reference.get("grades"), list):
        return [f"{AT_LEAST}{written(value)}" for value in reference["grades"][1:]]
    return []


def _is_each(endpoint: Any) -> bool:
    return isinstance(endpoint, dict) and endpoint.get("target") == EACH and isinstance(endpoint.get("id"), str)


def _follow(items: list[Any], block: str, members: Mapping[str, list[str]], moved: dict[Place, Place]) -> list[Any]:
    spread: list[Any] = []
    for index, item in enumerate(items):
        named = _members(item.get("endpoint"), members) if isinstance(item, dict) else [None]
        for name in named:
            one = {**item, "endpoint": name} if len(named) > 1 else item
            _put(spread, one, (block, index), moved)
    return spread


def _members(name: Any, members: Mapping[str, list[str]]) -> list[Any]:
    return members.get(name, [name]) if isinstance(name, str) else [name]


def _put(spread: list[Any], item: Any, place: Place, moved: dict[Place, Place]) -> None:
    if place[1] != len(spread):
        moved[place[0], len(spread)] = place
    spread.append(item)
