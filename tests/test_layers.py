"""Data flows one way, so imports do too (architecture.md). Read from the source; nothing is imported here."""

from __future__ import annotations

import ast
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "validate"
LAYERS = [
    {"errors", "canonical", "__init__"},
    {"processes", "resources", "stats"},
    {"registry"},
    {"provenance"},
    {"protocol"},
    {"imaging", "mask_comparison"},
    {"cohort", "phantoms"},
    {"models"},
    {"lock"},
    {"inference"},
    {"casewise"},
    {"results"},
    {"metrics"},
    {"estimation"},
    {"analyses"},
    {"verdict"},
    {"catalog", "numbers"},
    {"evidence"},
    {"report"},
    {"run_folder", "reporter", "uses"},
    {"locking", "run_pictures"},
    {"run_record"},
    {"run_unblinded"},
    {"run_stages"},
    {"rehearsal", "report_again", "run_protocol", "sign_run", "replay"},
    {"evaluation", "compare_runs"},
    {"index_source"},
    {"index_page"},
    {"cli"},
    {"__main__"},
]
LEVEL = {room: level for level, rooms in enumerate(LAYERS) for room in rooms}


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.removesuffix(".py")


def imported_rooms(source: str) -> set[str]:
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        names = []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        elif isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "validate" and len(parts) > 1:
                rooms.add("__init__" if parts[1] == "__version__" else parts[1])
    return rooms


def upstream_violations(files: dict[str, str]) -> list[str]:
    """files: {relative path: source}; every import that does not point upstream."""
    violations = []
    for name, source in files.items():
        own = room(PACKAGE / name)
        if own == "__init__" and name == "__init__.py":
            continue  # the lazy front door names what it opens
        for other in sorted(imported_rooms(source) - {own}):
            if other not in LEVEL or own not in LEVEL:
                violations.append(f"{name}: '{other if other not in LEVEL else own}' is in no layer; add it to LAYERS")
            elif LEVEL[other] >= LEVEL[own]:
                violations.append(f"{name} ({own}) imports {other}, which is downstream or beside it")
    return violations


def sources() -> dict[str, str]:
    return {str(p.relative_to(PACKAGE)): p.read_text(encoding="utf-8") for p in sorted(PACKAGE.rglob("*.py"))}


def test_every_import_points_upstream() -> None:
    assert upstream_violations(sources()) == []


def test_an_import_that_points_downstream_is_found() -> None:
    assert upstream_violations({"stats/delong.py": "from validate.report.render import render"}) == [
        "stats/delong.py (stats) imports report, which is downstream or beside it"
    ]


def test_stats_imports_nothing_of_ours_but_the_undefined_error() -> None:
    foreign = {
        name: imported_rooms(source) - {"stats", "errors"}
        for name, source in sources().items()
        if name.startswith("stats/")
    }
    assert {name: rooms for name, rooms in foreign.items() if rooms} == {}


def test_verification_can_be_read_alone() -> None:
    assert imported_rooms((PACKAGE / "evidence" / "verify.py").read_text()) <= {
        "canonical", "errors", "evidence", "provenance",
    }  # fmt: skip
