"""Run folders that no model ever saw, hostile ones too: `build(...)` takes the fields of a Plan."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from typing import Any

import pypdf
import pytest

from validate.report.render import render

PARTS = ("readable", "made_up_plan", "made_up_estimates", "made_up_groups", "made_up_findings", "made_up_study")


def _load(name: str) -> Any:
    """A module beside this file: pytest's importlib mode puts none of them on the path."""
    spec = spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
    assert spec is not None and spec.loader is not None
    sys.modules[name] = module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


made_up = [_load(name) for name in PARTS][-1]


@pytest.fixture(scope="session")
def build(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """Write a run folder from a Plan's fields and return it."""

    def make(**fields: Any) -> Path:
        folder = tmp_path_factory.mktemp("study") / "run"
        made_up.write_study(folder, made_up.Plan(**fields))
        return folder

    return make


@pytest.fixture(scope="session")
def heard() -> list[str]:
    """What was warned of while the study below was rendered."""
    return []


@pytest.fixture(scope="session")
def folder(build: Callable[..., Path], heard: list[str]) -> Path:
    """The one study whose PDF the default tests read."""
    run = build()
    listener = logging.Handler(logging.WARNING)
    listener.emit = lambda record: heard.append(record.getMessage())  # type: ignore[method-assign]
    logging.getLogger().addHandler(listener)
    render(run)
    logging.getLogger().removeHandler(listener)
    return run


@pytest.fixture(scope="session")
def pages(folder: Path) -> list[str]:
    """Its text, page by page."""
    return [page.extract_text() for page in pypdf.PdfReader(folder / "report" / "report.pdf").pages]
