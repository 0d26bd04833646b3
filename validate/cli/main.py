"""The command `validate`: one verb, one file; what a verb needs is imported when it runs."""

from __future__ import annotations

import importlib
import os
import sys
from typing import NoReturn

import typer

from validate import __version__
from validate.cli.arrow_alone import without_pandas
from validate.errors import ExitCode, ValidateError

VERBS = (
    "run",
    "check",
    "lock",
    "schema",
    "new",
    "index",
    "report",
    "verify",
    "replay",
    "sign",
    "bundle",
    "keys",
    "runs",
    "compare",
    "sample",
    "doctor",
)

WITH_TABLES = {"run", "check", "lock", "index", "report", "verify", "replay", "compare"}

INTERRUPTED = "Interrupted. What was computed is kept; `validate run … --resume` goes on from there."

app = typer.Typer(
    name="validate",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,  # plain help: rich would triple the time it takes
    help="Validate a medical-imaging AI against a protocol that was locked beforehand: from DICOM to a sealed report.",
    epilog="Exit codes: 0 PASS · 10 FAIL · 11 INCONCLUSIVE · 12 exploratory or no criterion · 1 our defect · "
    "2 command or protocol wrong · 3 data or model unusable · 4 evidence does not verify · 5 the machine can't · "
    "130 interrupted",
)


def _version(wanted: bool) -> None:  # noqa: FBT001 (typer calls it with a positional flag)
    if wanted:
        typer.echo(f"validate {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version."),  # noqa: FBT001, FBT003
) -> None:
    """Options of the command itself."""


for verb in VERBS:
    command = importlib.import_module(f"validate.cli.{verb}").command
    app.command(name=verb)(without_pandas(command) if verb in WITH_TABLES else command)


def main() -> NoReturn:
    """Run the command line; every foreseen error is one message and its exit code, never a traceback."""
    try:
        app(standalone_mode=True)
    except ValidateError as error:
        _stop(f"{type(error).__name__}: {error}", error.exit_code)
    except KeyboardInterrupt:
        _stop(INTERRUPTED, ExitCode.INTERRUPTED)
    except SystemExit as end:
        # typer answers Ctrl-C itself, with the code and without a word.
        if end.code == ExitCode.INTERRUPTED:
            _stop(INTERRUPTED, ExitCode.INTERRUPTED)
        raise
    except BrokenPipeError:
        # The reader of our output went away (`validate index … | head`): not an error, but nothing more to say.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(ExitCode.PASS)
    except OSError as error:
        _stop(*_machine_message(error))
    except MemoryError:
        _stop("The machine ran out of memory. Smaller batches need less: inference: {batch_size: 1}.", ExitCode.MACHINE)
    sys.exit(ExitCode.PASS)


def _machine_message(error: OSError) -> tuple[str, ExitCode]:
    import errno

    where = f"{error.filename}: " if error.filename else ""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return f"{where}the disk is full. Free some space and go on with `--resume`.", ExitCode.MACHINE
    if isinstance(error, FileNotFoundError | NotADirectoryError | IsADirectoryError):
        return f"{where}{error.strerror}", ExitCode.UNUSABLE
    return f"{where}{error.strerror or error}", ExitCode.MACHINE


def _stop(message: str, code: ExitCode) -> NoReturn:
    typer.echo(message, err=True)
    sys.exit(int(code))
