"""The front door: what it offers and what it costs to open."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import validate

HEAVY = {
    "torch",
    "sklearn",
    "fairlearn",
    "pandas",
    "weasyprint",
    "pydicom",
    "matplotlib",
    "onnxruntime",
    "numba",
    "scipy",
    "pyarrow",
}


def loaded_after(code: str) -> set[str]:
    """Top-level modules loaded by a fresh interpreter that runs `code`."""
    script = textwrap.dedent(code) + "\nimport sys; print(*{m.split('.')[0] for m in sys.modules})"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.splitlines()[-1].split())


def test_the_public_names_are_these() -> None:
    assert validate.__all__ == ["__version__", "compare_masks", "evaluate", "run"]


def test_public_names_are_functions_even_after_their_modules_are_imported() -> None:
    import validate.evaluation.table
    import validate.run_protocol

    assert callable(validate.run)
    assert callable(validate.evaluate)


def test_importing_validate_loads_nothing_heavy() -> None:
    assert loaded_after("import validate") & (HEAVY | {"numpy", "pydantic", "typer", "rich"}) == set()


def test_asking_for_help_loads_nothing_heavy() -> None:
    loaded = loaded_after(
        """
        import contextlib, io
        from typer.testing import CliRunner
        from validate.cli.main import app
        assert CliRunner().invoke(app, ["--help"]).exit_code == 0
        """
    )
    assert loaded & HEAVY == set()
