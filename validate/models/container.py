"""A container as a model: it reads /input, writes /output, and can do nothing else. Its image is pinned by digest.

One run is given some cases and ends; what it wrote is read as hostile input (answer.py). No word of its output is kept.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from validate.canonical import file_digest
from validate.cohort.case import Case
from validate.errors import MissingLibrary, ModelError
from validate.models.adapter import Batch, ModelIdentity, read_options
from validate.models.child_host import ModelCrashed
from validate.models.container_engine import (
    NAMES,
    OWN_CODES,
    Engine,
    EngineFailed,
    Image,
    Limits,
    Name,
    engines,
    in_bytes,
    last_line,
)
from validate.models.container_layout import Gives, GrandChallenge, Layout, MedPerf, check_paths
from validate.models.digest import check_digest, model_path
from validate.models.prediction import Failure, Prediction
from validate.protocol.model import Model

LOOK = 0.1  # seconds between two looks at a running container
KILLED = 137
CONFINED = "no network, no root, read-only root file system, no capability, no new privilege"


class ContainerOptions(BaseModel):
    """
    image : "name@sha256:…" of an image that lies here, or a name whose image id is the model's sha256. With `path`, an archive
        that `docker save` wrote or a .sif file, nothing else is needed.
    engine : which one runs it; the first of docker, podman and apptainer that answers unless said
    grand_challenge, medperf : whose convention it follows; else the plain contract: /input/cases.json and the files of each case
        in a folder of its own; /output/CASE.json from the container
    gives : the files of a case as they are, or one NIfTI or MetaImage file      columns : attributes given beside them
    cases_per_run : cases that one container is given      limits : what it may use
    arguments, entrypoint : of the command
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    image: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_./:@-]*$")] | None = None
    engine: Literal["docker", "podman", "apptainer"] | None = None
    grand_challenge: GrandChallenge | None = None
    medperf: MedPerf | None = None
    gives: Gives | None = None
    columns: tuple[str, ...] = ()
    cases_per_run: Annotated[int, Field(ge=1, le=1000)] = 1
    limits: Limits = Limits()
    arguments: tuple[str, ...] = ()
    entrypoint: str | None = None

    @model_validator(mode="after")
    def _fits(self) -> ContainerOptions:
        if self.grand_challenge is not None and self.medperf is not None:
            raise ValueError("grand_challenge and medperf are two conventions; say one")
        if self.grand_challenge is not None and (self.cases_per_run != 1 or self.gives == "files"):
            raise ValueError("an algorithm of grand-challenge is given one case at a time, as an image (mha or nifti)")
        return self

    def layout(self, base: Path) -> Layout:
        """The folders' convention, with its defaults."""
        gives: Gives = self.gives or ("mha" if self.grand_challenge is not None else "files")
        return Layout(gives, self.columns, self.grand_challenge, self.medperf, base)


class ContainerModel:
    needs_pixels = False

    def __init__(
        self,
        model: Model,
        engine: Engine,
        image: Image,
        options: ContainerOptions,
        *,
        layout: Layout,
        digest: str,
        gpu: bool,
    ) -> None:
        self._model, self._engine, self._image, self._options = model, engine, image, options
        self._layout, self._gpu = layout, gpu
        self.fixed_batch: int | None = options.cases_per_run
        limits = options.limits
        convention = "grand-challenge" if layout.grand_challenge else "MedPerf" if layout.medperf else "plain"
        self.identity = ModelIdentity(
            id=model.id,
            format="container",
            digest=digest,
            provider="cuda offered to the container" if gpu else "cpu",
            runtime=f"{engine.name} {engine.version}",
            notes=(
                f"image {options.image or model.path}, id sha256:{image.id}",
                *(f"repository digest {name}" for name in image.digests),
                f"{convention} convention; {CONFINED}; of this machine it sees the folders given to it, and no label",
                f"at most {limits.memory} of memory, {limits.processes} processes, {limits.seconds:g} seconds a run",
                *([engine.narrows] if engine.narrows else ()),
            ),
        )

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        del shape
        return None

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        del cases
        return {}

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        with TemporaryDirectory(prefix="validate-", ignore_cleanup_errors=True) as folder:
            given, taken, errors = Path(folder, "input"), Path(folder, "output"), Path(folder, "errors")
            given.mkdir()
            taken.mkdir()
            failures = self._layout.lay_out(batch.cases, given, taken)
            if len(failures) < len(batch.cases):
                self._run(given, taken, errors)
            return [
                failures.get(number) or self._layout.read(number, taken, self._model)
                for number in range(len(batch.cases))
            ]

    def close(self) -> None:
        """Nothing to close: every run ends with its container."""

    def _run(self, given: Path, taken: Path, errors: Path) -> None:
        """One container, from start to end. Raises ModelCrashed where it did not end well; ModelError for the engine's own errors."""
        name = f"validate-{uuid.uuid4().hex}"
        line = self._engine.command(
            self._image,
            self._layout.mounts(given, taken),
            limits=self._options.limits,
            container=name,
            arguments=self._options.arguments,
            entrypoint=self._options.entrypoint,
            gpu=self._gpu,
        )
        with errors.open("wb") as stream:
            process = subprocess.Popen(
                line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=stream, start_new_session=True,
                cwd=errors.parent,  # podman's monitor writes where it stands that memory ran out
            )  # fmt: skip
            try:
                code = self._watched(process, taken, errors)
            finally:
                if process.poll() is None:
                    self._engine.stop(name)
                    with contextlib.suppress(ProcessLookupError):
                        os.killpg(process.pid, signal.SIGKILL)
                    process.wait()
        if code in OWN_CODES and self._engine.name != "apptainer":
            raise ModelError(
                f"models.{self._model.id}: {self._engine.name}: {OWN_CODES[code]}: {last_line(errors.read_bytes()[-4096:])}"
            )
        if code != 0:
            killed = "; it was killed, as one is that needs more memory than its limit" if code == KILLED else ""
            raise ModelCrashed("container_failed", f"the container ended with code {code}{killed}")

    def _watched(self, process: subprocess.Popen[bytes], taken: Path, errors: Path) -> int:
        limits = self._options.limits
        deadline, allowed = time.monotonic() + limits.seconds, in_bytes(limits.files)
        while True:
            try:
                return process.wait(timeout=LOOK)
            except subprocess.TimeoutExpired as waiting:
                if time.monotonic() > deadline:
                    raise ModelCrashed(
                        "model_timeout", f"the container did not end in {limits.seconds:g} seconds"
                    ) from waiting
                if _bytes_in(taken) + errors.stat().st_size > allowed:
                    raise ModelCrashed("too_much_output", f"the container wrote more than {limits.files}") from waiting


class ContainerAdapter:
    needs_pixels = False
    reads_files = True
    OPTIONS: type[BaseModel] = ContainerOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> ContainerModel:
        del threads  # limits.cpus says how many
        options = read_options(ContainerOptions, model)
        if (options.image is None) == (model.path is None):
            raise ModelError(
                f"models.{model.id}: a container is named by `image` (one that lies here) or by `path` (an archive or a "
                ".sif file), one of them."
            )
        layout = options.layout(base)
        check_paths(layout, model)
        engine = _engine(options.engine, model)
        image, digest = _image(engine, options, model, base)
        return ContainerModel(model, engine, image, options, layout=layout, digest=digest, gpu=device == "cuda")


def _engine(wanted: Name | None, model: Model) -> Engine:
    found = engines()
    for engine in found:
        if wanted in {None, engine.name}:
            return engine
    names = wanted or " or ".join(NAMES)
    there = f" (here: {', '.join(engine.name for engine in found)})" if found else ""
    raise MissingLibrary(
        f"a container engine that answers, {names}{there}",
        f"models.{model.id}: format 'container'",
        "`apt-get install podman` on Debian, or start the daemon of the one that is installed",
    )


def _image(engine: Engine, options: ContainerOptions, model: Model, base: Path) -> tuple[Image, str]:
    """The image that will run and the digest that pins it. Raises ModelError unless the protocol pins it."""
    try:
        if model.path is not None:
            path = model_path(model, base)
            digest = file_digest(path)
            check_digest(digest, model=model)
            if engine.name == "apptainer":
                return Image(str(path.resolve()), digest), digest
            return engine.inspect(engine.load(path)), digest
        if engine.name == "apptainer":
            raise ModelError(f"models.{model.id}.image: apptainer runs a .sif file; say its path instead.")
        reference = str(options.image)
        image = engine.inspect(reference)
    except EngineFailed as error:
        raise ModelError(
            f"models.{model.id}: {engine.name} can't give this image: {error}. Nothing is fetched from a registry here: pull "
            "or load it first."
        ) from error
    _, _, pinned = reference.partition("@")
    if pinned:
        if not any(digest.endswith(f"@{pinned}") for digest in image.digests):
            raise ModelError(
                f"models.{model.id}.image: the image here has not the digest {pinned}; it has "
                f"{', '.join(image.digests) or 'none of a repository'}."
            )
    elif model.sha256 is None:
        raise ModelError(
            f"models.{model.id}.image: '{reference}' can be another image tomorrow. Pin it: name@sha256:…, or say "
            f"sha256: {image.id}, the id of the image that lies here."
        )
    check_digest(image.id, model=model)
    return image, image.id


def _bytes_in(folder: Path) -> int:
    total = 0
    for root, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                total += Path(root, name).lstat().st_size
    return total


ADAPTER = ContainerAdapter()
