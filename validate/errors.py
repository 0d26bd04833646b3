"""Every error a user can meet, and the exit code it ends in.

ValidateError (1)
├── CommandError (2)      the command line is wrong
├── ProtocolError (2)     the protocol is wrong; carries every problem of the file, not the first only
├── DataError (3)         the data can't be used
├── ModelError (3)        the model can't be used
│   └── Contradiction     what it said, and is stored, has turned out to be doubtful; the run can't be resumed
├── EvidenceError (4)     the evidence does not verify
└── MachineError (5)      the machine can't: disk, memory, a missing library; resume works
    └── MissingLibrary    names the package or extra to install

Undefined is apart: a metric without a value on these rows. It becomes a status and a reason in an
estimate, never a crash and never a number.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum


class ExitCode(IntEnum):
    """What `validate` returns to the shell (contracts.md)."""

    PASS = 0
    DEFECT = 1
    USAGE = 2
    UNUSABLE = 3
    NOT_VERIFIED = 4
    MACHINE = 5
    FAIL = 10
    INCONCLUSIVE = 11
    EXPLORATORY = 12
    INTERRUPTED = 130


class ValidateError(Exception):
    """What failed, where, what was got, what was expected, what to do: in one message."""

    exit_code = ExitCode.DEFECT


class CommandError(ValidateError):
    exit_code = ExitCode.USAGE


class ProtocolError(ValidateError):
    """One or more problems of a protocol, each `file:line path: what is wrong`."""

    exit_code = ExitCode.USAGE

    def __init__(self, problems: str | Sequence[str]) -> None:
        self.problems = (problems,) if isinstance(problems, str) else tuple(problems)
        super().__init__("\n".join(self.problems))


class DataError(ValidateError):
    exit_code = ExitCode.UNUSABLE


class ModelError(ValidateError):
    exit_code = ExitCode.UNUSABLE


class Contradiction(ModelError):
    """A stored answer is contradicted by a later one."""


class EvidenceError(ValidateError):
    exit_code = ExitCode.NOT_VERIFIED


class MachineError(ValidateError):
    exit_code = ExitCode.MACHINE


class MissingLibrary(MachineError):
    def __init__(self, library: str, needed_for: str, install: str) -> None:
        self.library = library
        super().__init__(f"{needed_for} needs {library}, which is not installed here. Install it with: {install}")


class Undefined(ValueError):
    """The metric has no value on these rows; the message says why, in a sentence a reader understands."""
