from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def golden() -> ModuleType:
    spec = importlib.util.spec_from_file_location("golden_page", Path(__file__).parent / "golden_page.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["golden_page"] = module
    spec.loader.exec_module(module)
    return module


def test_every_test_that_the_table_names_is_there(golden: ModuleType) -> None:
    for entry in golden.entries():
        path, name = entry["test"].split("::")
        assert f"def {name}(" in (ROOT / path).read_text(encoding="utf-8"), entry["test"]


def test_the_page_of_the_docs_is_made_from_the_table(golden: ModuleType) -> None:
    assert golden.PAGE.read_text(encoding="utf-8") == golden.page()
