"""What a child process gives up before it opens a hostile file; Linux does it, and the evidence says what was done.

no_file_writes : nothing can be written, made, renamed, truncated or removed (Landlock), or at least no byte (a limit)
labels_unreadable : only the program's own libraries can be read, so no label of the study (Landlock)
no_programs : no program can be started (Landlock)      no_network : an empty network (namespace), or no TCP (Landlock)
memory_limit : no more address space than the machine has memory
"""

from __future__ import annotations

import ctypes
import os
import resource
import struct
import sys
import sysconfig
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path

CLONE_NEWUSER, CLONE_NEWNET = 0x10000000, 0x40000000
PR_SET_NO_NEW_PRIVS = 38
# linux/landlock.h; the numbers of the system calls are the same on every architecture
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
VERSION_FLAG, PATH_BENEATH = 1, 1
WRITE_FILE, READ_FILE, READ_DIR = 1 << 1, 1 << 2, 1 << 3
FILE_RIGHTS_1, REFER_2, TRUNCATE_3 = (1 << 13) - 1, 1 << 13, 1 << 14  # by version of Landlock
TCP_4 = 0b11
SYSTEM = ("/usr", "/lib", "/lib64", "/etc", "/proc", "/sys", "/dev", "/opt")


def confine(readable: Iterable[Path], *, limit_memory: bool, use_devices: bool = False) -> list[str]:
    """Give up what is not needed, for this process and for good; returns codes for what could be given up.

    readable : folders besides the system's whose files may be read
    use_devices : leave /dev writable, as a GPU needs it
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold pixels
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    tempfile.tempdir = "/nonexistent"  # libraries ask for its name as they are imported; nothing can be written there
    done = ["no_file_writes"]
    if limit_memory:
        memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        done.append("memory_limit")
    if sys.platform != "linux":
        return done
    library = ctypes.CDLL(None, use_errno=True)
    library.syscall.restype = ctypes.c_long
    library.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    emptied = library.unshare(CLONE_NEWNET) == 0 or library.unshare(CLONE_NEWUSER | CLONE_NEWNET) == 0
    around = [part for folder in (*readable, *map(Path, SYSTEM)) for part in _around(folder.resolve())]
    locked = _landlock(library, around, use_devices=use_devices)
    if locked:
        done += ["labels_unreadable", "no_programs"]
    if emptied or locked >= 4:
        done.append("no_network")
    return done


_study_hidden: ContextVar[tuple[str, ...]] = ContextVar("hidden", default=())
_hidden: list[Path] = []  # in a child


@contextmanager
def hiding(folders: Iterable[Path]) -> Iterator[None]:
    """Children of models that are opened in here can read nothing of these folders, but for a model's own files."""
    token = _study_hidden.set(tuple(sorted(str(folder.resolve()) for folder in folders)))
    try:
        yield
    finally:
        # Collected with whoever held it open, this may end in another context, whose own folders stand.
        with suppress(ValueError):
            _study_hidden.reset(token)


def hidden_now() -> tuple[str, ...]:
    """What a child that is started now is to be told."""
    return _study_hidden.get()


def hide(folders: Iterable[str]) -> None:
    """In a child, before it is confined."""
    _hidden[:] = map(Path, folders)


def _around(folder: Path) -> Iterator[Path]:
    """The folder, or what lies in it around those that are hidden. Links are left out: what they lead to has a place of its own."""
    if not any(one.is_relative_to(folder) for one in _hidden):
        yield folder
    elif folder not in _hidden:
        with suppress(OSError):
            for part in folder.iterdir():
                if not part.is_symlink():
                    yield from _around(part)


def own_folders() -> list[Path]:
    """Where this program's own code lies: the package, the interpreter and its libraries."""
    package = Path(__file__).parents[1]
    bases = {sys.prefix, sys.base_prefix, *sysconfig.get_paths().values()}
    libraries = [entry for entry in library_path() if Path(entry).resolve() != package.parent.resolve()]
    return [package, *map(Path, sorted({*bases, *libraries}))]


def library_path() -> list[str]:
    """Where libraries are imported from: the search path without the current folder and that of the script that runs.

    Python puts them there by itself, and a study with its labels may lie in them.
    """
    main = getattr(sys.modules.get("__main__"), "__file__", None)
    places = {Path.cwd().resolve()} | ({Path(main).resolve().parent} if main else set())
    installed = {Path(folder).resolve() for folder in sysconfig.get_paths().values()}
    return [entry for entry in sys.path if entry and Path(entry).resolve() not in places - installed]


def _landlock(library: ctypes.CDLL, readable: Iterable[Path], *, use_devices: bool) -> int:
    """The version of Landlock that now holds, or 0."""
    version = int(library.syscall(CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint32(VERSION_FLAG)))
    if version < 1:
        return 0
    rights = FILE_RIGHTS_1 | (REFER_2 if version >= 2 else 0) | (TRUNCATE_3 if version >= 3 else 0)
    attributes = struct.pack("<QQ", rights, TCP_4) if version >= 4 else struct.pack("<Q", rights)
    ruleset = int(library.syscall(CREATE_RULESET, attributes, ctypes.c_size_t(len(attributes)), ctypes.c_uint32(0)))
    if ruleset < 0:
        return 0
    try:
        for path in readable:
            allowed = READ_FILE | (READ_DIR if path.is_dir() else 0)
            devices = use_devices and path.is_relative_to("/dev")
            _allow(library, ruleset, path, allowed | (WRITE_FILE if devices else 0))
        return version if library.syscall(RESTRICT_SELF, ctypes.c_int(ruleset), ctypes.c_uint32(0)) == 0 else 0
    finally:
        os.close(ruleset)


def _allow(library: ctypes.CDLL, ruleset: int, path: Path, rights: int) -> None:
    if not path.is_dir() and not path.is_file():
        return
    folder = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        rule = struct.pack("<Qi", rights, folder)
        library.syscall(ADD_RULE, ctypes.c_int(ruleset), ctypes.c_int(PATH_BENEATH), rule, ctypes.c_uint32(0))
    finally:
        os.close(folder)
