"""File names that say which case they belong to: "{patient}_{phase}.nii.gz", read and written by one rule, never guessed."""

from __future__ import annotations

import re
from collections.abc import Mapping

FIELD = re.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)\}")


def fields(names: str) -> tuple[str, ...]:
    """What stands in braces, in order, each once."""
    return tuple(dict.fromkeys(FIELD.findall(names)))


def problem(names: str) -> str | None:
    """Why this can't say which file belongs to a case, in words, or None."""
    if not fields(names):
        return f"got '{names}', expected a name with what tells cases apart in braces, such as '{{patient}}.nii.gz'"
    rest = FIELD.sub("", names)
    if "{" in rest or "}" in rest:
        return f"got '{names}': braces hold one word of letters, digits and '_' each"
    if "}{" in names:
        return f"got '{names}': nothing stands between two fields, so where one ends can't be told"
    if names.startswith("/") or ".." in names.split("/"):
        return f"got '{names}': the name is relative to its folder and stays in it"
    return None


def read_name(names: str, relative: str) -> dict[str, str] | None:
    """The fields of a file's path under its folder, or None where it is no such name, or can be read in two ways."""
    readings = []
    for any_text in ("[^/]+?", "[^/]+"):
        parts = FIELD.split(names)
        seen: set[str] = set()
        pattern = ""
        for place, part in enumerate(parts):
            if place % 2 == 0:
                pattern += re.escape(part)
            else:
                pattern += f"(?P={part})" if part in seen else f"(?P<{part}>{any_text})"
                seen.add(part)
        found = re.fullmatch(pattern, relative)
        readings.append(None if found is None else found.groupdict())
    return readings[0] if readings[0] == readings[1] else None


def written_name(names: str, known: Mapping[str, object]) -> str | None:
    """The name with a case's values in place of the fields; None where the case lacks one."""
    if any(known.get(field) is None for field in fields(names)):
        return None
    return FIELD.sub(lambda found: _text(known[found.group(1)]), names)


def _text(value: object) -> str:
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value).strip()
