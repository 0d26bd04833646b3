"""The program that runs containers here, and its exact command line: no network, no root, nothing writable but /output."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Literal["docker", "podman", "apptainer"]
NAMES: tuple[Name, ...] = ("docker", "podman", "apptainer")
ASKING = 60.0  # seconds for a question to the engine
LOADING = 1800.0  # seconds for taking in an image
NOBODY = 65534
LEAST_DATA = 128 << 20  # bytes of data that a container's start itself needs
SIZE = r"^[1-9][0-9]*[kmg]$"
# Engines ask for the host's own limit, which not every host lets them set; --pids-limit is what holds the container.
_HARD = resource.getrlimit(resource.RLIMIT_NPROC)[1]
_THREADS = 4096 if _HARD == resource.RLIM_INFINITY else min(4096, _HARD)
OWN_CODES = {125: "the engine could not start it", 126: "its command can't be run", 127: "its command is not there"}


class EngineFailed(Exception):
    """The engine itself answered with an error; the message is its own last line."""


class Limits(BaseModel):
    """
    memory, shared, files : such as "4g"; files: of one file that it writes, and of everything in /output together
    processes : at most      cpus : None for all      seconds : for one run
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    memory: Annotated[str, Field(pattern=SIZE)] = "4g"
    shared: Annotated[str, Field(pattern=SIZE)] = "128m"
    files: Annotated[str, Field(pattern=SIZE)] = "1g"
    processes: Annotated[int, Field(ge=1)] = 256
    cpus: Annotated[float, Field(gt=0)] | None = None
    seconds: Annotated[float, Field(gt=0)] = 600.0


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file of the host in the container."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Image:
    """reference : what is run      id : SHA-256 of the image's configuration (of apptainer: of the .sif file), 64 digits."""

    reference: str
    id: str
    digests: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Engine:
    """
    rootless : run by an ordinary user      grouped : whether control groups hold the memory and processes of a whole container
    """

    name: Name
    program: str
    version: str
    rootless: bool = False
    grouped: bool = True

    @property
    def narrows(self) -> str:
        """What it can't hold here, for the evidence and for `validate doctor`; "" where it holds everything."""
        if self.grouped:
            return ""
        return (
            "without root and control groups of version 2, memory is limited for each process and not for all together, processes "
            f"to {_THREADS} of this user, and cpus not at all"
        )

    def command(
        self,
        image: Image,
        mounts: Sequence[Mount],
        *,
        limits: Limits,
        container: str,
        arguments: Sequence[str] = (),
        entrypoint: str | None = None,
        gpu: bool = False,
    ) -> list[str]:
        """The command line of one run; its parts and nothing else decide what the container can do."""
        if self.name == "apptainer":
            return self._apptainer(image, mounts, limits=limits, arguments=arguments, gpu=gpu)
        user, group = (os.getuid(), os.getgid()) if os.getuid() != 0 else (NOBODY, NOBODY)
        line = [
            *(self.program, "run", "--rm", "--name", container, "--pull", "never"),
            *("--network", "none", "--read-only", "--user", f"{user}:{group}"),
            *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
            *("--pids-limit", str(limits.processes), "--memory", limits.memory, "--memory-swap", limits.memory),
            *("--shm-size", limits.shared, "--tmpfs", f"/tmp:rw,nosuid,nodev,size={limits.shared}"),  # noqa: S108
            *(
                "--ulimit",
                "nofile=1024:1024",
                "--ulimit",
                f"nproc={_THREADS}:{_THREADS}",
                "--ulimit",
                f"fsize={in_bytes(limits.files)}",
                "--ulimit",
                "core=0",
            ),
            *("--log-driver", "none"),
        ]
        if not self.grouped:
            least = max(in_bytes(limits.memory), LEAST_DATA)
            line += ["--ulimit", f"data={least}:{least}"]
        if self.name == "podman" and user != NOBODY:
            line += ["--userns", "keep-id"]
        if limits.cpus is not None:
            line += ["--cpus", f"{limits.cpus:g}"]
        if gpu:
            line += ["--gpus", "all"] if self.name == "docker" else ["--device", "nvidia.com/gpu=all"]
        for mount in mounts:
            line += ["--volume", f"{mount.source}:{mount.target}:{'rw' if mount.writable else 'ro'}"]
        if entrypoint is not None:
            line += ["--entrypoint", entrypoint]
        return [*line, image.reference, *arguments]

    def _apptainer(
        self, image: Image, mounts: Sequence[Mount], *, limits: Limits, arguments: Sequence[str], gpu: bool
    ) -> list[str]:
        """It has no rights of root to give up; the image is read-only as it is. Limits that cgroups can't set are set by prlimit."""
        line = [
            *("prlimit", f"--nproc={limits.processes}", f"--fsize={in_bytes(limits.files)}", "--core=0"),
            *(f"--as={in_bytes(limits.memory)}", "--"),
            *(
                self.program,
                "run",
                "--containall",
                "--no-home",
                "--cleanenv",
                "--no-privs",
                "--net",
                "--network",
                "none",
            ),
        ]
        line += ["--nv"] if gpu else []
        for mount in mounts:
            line += ["--bind", f"{mount.source}:{mount.target}:{'rw' if mount.writable else 'ro'}"]
        return [*line, image.reference, *arguments]

    def inspect(self, reference: str) -> Image:
        """The image as it lies here. Raises EngineFailed where it doesn't."""
        told = self.ask("image", "inspect", reference)
        try:
            (document,) = json.loads(told)
            found = str(document["Id"]).removeprefix("sha256:")
            digests = tuple(str(digest) for digest in document.get("RepoDigests") or ())
        except (ValueError, KeyError, TypeError) as error:
            raise EngineFailed("its description of the image can't be read") from error
        if not re.fullmatch(r"[0-9a-f]{64}", found):
            raise EngineFailed("its description of the image has no digest")
        return Image(f"sha256:{found}" if self.name == "docker" else found, found, digests)

    def load(self, archive: Path) -> str:
        """Take in an image archive; the reference of what was in it. Raises EngineFailed."""
        told = self.ask("load", "--input", str(archive), timeout=LOADING)
        names = re.findall(r"^Loaded image(?:\(s\)| ID)?: *(\S+)$", told, re.MULTILINE)
        if len(names) != 1:
            raise EngineFailed(f"the archive holds {len(names)} images; expected one")
        return str(names[0])

    def ask(self, *question: str, timeout: float = ASKING) -> str:
        """What the engine prints. Raises EngineFailed."""
        try:
            done = subprocess.run(
                [self.program, *question], capture_output=True, timeout=timeout, check=False, stdin=subprocess.DEVNULL
            )
        except subprocess.TimeoutExpired as error:
            raise EngineFailed(f"no answer to '{question[0]}' in {timeout:g} seconds") from error
        except OSError as error:
            raise EngineFailed(f"it can't be started ({error.strerror})") from error
        if done.returncode != 0:
            raise EngineFailed(last_line(done.stderr))
        return done.stdout.decode(errors="replace")

    def stop(self, container: str) -> None:
        """End a container for good, whether it still runs or not."""
        if self.name == "apptainer":
            return  # it is a child of ours, and ended with it
        for question in (("kill", container), ("rm", "--force", container)):
            try:
                self.ask(*question)
            except EngineFailed:
                continue


def engines() -> tuple[Engine, ...]:
    """Those whose program is here and that answer, in the order they are preferred."""
    found = []
    for name in NAMES:
        program = shutil.which(name)
        if program is None:
            continue
        asked = Engine(name, program, "")
        try:
            # The version of docker's client says nothing of whether its daemon answers.
            about = _about(asked)
            version = asked.ask("--version")
        except EngineFailed:
            continue
        number = re.search(r"\d+\.\d+[\w.+-]*", version)
        found.append(Engine(name, program, number[0].rstrip(",") if number else "?", *about))
    return tuple(found)


def _about(asked: Engine) -> tuple[bool, bool]:
    """(rootless, grouped), where the engine answers. Raises EngineFailed."""
    if asked.name == "apptainer":
        asked.ask("--version")
        return True, True  # its limits are set by prlimit in any case
    told = asked.ask("info", "--format", "json" if asked.name == "podman" else "{{json .}}")
    try:
        document = json.loads(told)
        if asked.name == "podman":
            host = document["host"]
            rootless, version = bool(host["security"]["rootless"]), str(host["cgroupVersion"]).removeprefix("v")
        else:
            rootless = any("rootless" in str(one) for one in document.get("SecurityOptions") or ())
            version = str(document.get("CgroupVersion") or "")
    except (ValueError, KeyError, TypeError, AttributeError):
        return False, True  # it does not say; what it can't hold, it says when it is asked to
    return rootless, not rootless or version == "2"


def in_bytes(size: str) -> int:
    """Bytes in a size such as "4g"."""
    return int(size[:-1]) << {"k": 10, "m": 20, "g": 30}[size[-1]]


def last_line(told: bytes) -> str:
    """What an engine said last, in one line of at most 300 characters."""
    lines = told.decode(errors="replace").strip().splitlines() or ["it said nothing"]
    return " ".join(lines[-1].split())[:300]


def can_confine() -> bool:
    """Whether this is a system whose engines keep what the command line promises."""
    return sys.platform == "linux"
