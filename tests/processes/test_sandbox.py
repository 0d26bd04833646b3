"""What a confined child can't do any more, tried by doing it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
import socket, subprocess, sys
from pathlib import Path
from validate.processes.sandbox import confine, own_folders
folder = Path({folder!r})
print(" ".join(confine(own_folders(), limit_memory=True)))
def attempt(name, work):
    try:
        work()
    except (OSError, MemoryError) as error:
        print(name, type(error).__name__)
    else:
        print(name, "done")
attempt("read", lambda: (folder / "labels.csv").read_text())
attempt("list", lambda: list(folder.iterdir()))
attempt("truncate", lambda: (folder / "labels.csv").open("r+").truncate(0))
attempt("create", lambda: (folder / "new").write_text("x"))
attempt("remove", lambda: (folder / "labels.csv").unlink())
attempt("start", lambda: subprocess.run(["/bin/true"], check=True))
attempt("connect", lambda: socket.create_connection(("127.0.0.1", {port}), timeout=2))
attempt("allocate", lambda: bytearray(1 << 46))
import json.tool, wave  # our own libraries can still be read
print("import done")
"""


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    import socket

    folder = tmp_path_factory.mktemp("study")
    (folder / "labels.csv").write_text("secret")
    with socket.create_server(("127.0.0.1", 0)) as server:
        program = PROGRAM.format(folder=str(folder), port=server.getsockname()[1])
        result = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert (folder / "labels.csv").read_text() == "secret"
    assert not (folder / "new").exists()
    return result.stdout.splitlines()


def test_nothing_is_written_and_memory_is_bounded_on_any_machine(lines: list[str]) -> None:
    assert {"no_file_writes", "memory_limit"} <= set(lines[0].split())
    assert "allocate MemoryError" in lines


def test_what_is_claimed_is_true(lines: list[str]) -> None:
    claims = {"labels_unreadable": ("read", "list", "truncate", "create", "remove"), "no_programs": ("start",)}
    for claim, attempts in {**claims, "no_network": ("connect",)}.items():
        for attempt in attempts if claim in lines[0].split() else ():
            assert f"{attempt} done" not in lines, claim


def test_our_own_libraries_can_still_be_read(lines: list[str]) -> None:
    assert "import done" in lines


def test_the_studys_folder_is_not_among_our_own(tmp_path: Path) -> None:
    from validate.processes.sandbox import own_folders

    package = Path(__file__).parents[2]
    assert package not in own_folders()
    assert tmp_path not in own_folders()
