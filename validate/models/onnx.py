"""ONNX models, run by onnxruntime in a confined child: a model that ends its process costs one case and not the run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Literal

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from validate.errors import ModelError
from validate.imaging.unfinished import Unfinished
from validate.models.adapter import ModelIdentity, OutOfMemory, read_options
from validate.models.begun import Begun
from validate.models.digest import check_digest, digest_of, model_path, read_model
from validate.models.embedding import declared_shape, embedding_output
from validate.models.onnx_contained import ContainedSession, CustomOperators, contained_session
from validate.models.onnx_file import OnnxFile, read_onnx
from validate.models.onnx_session import (
    NotOpened,
    OnnxSession,
    ProviderMissing,
    no_provider,
    not_opened,
    open_session,
    runtime,
)
from validate.models.output import check_columns, output_name
from validate.models.pixel_model import PixelModel
from validate.models.runner import ONLY_INPUT, Outputs
from validate.protocol.model import Model

FLOATS = {"float32", "float64", "float16"}


class OnnxOptions(BaseModel):
    """
    provider : of onnxruntime; where it is said, this one is used or it is an error
    custom_operators : machine code of the vendor's own, refused unless named here; the report prints that it ran
    contained : run in a confined process of its own, so that a crash costs one case; without, a crash ends the run
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    provider: Literal["cpu", "cuda", "tensorrt"] | None = None
    custom_operators: CustomOperators | None = None
    contained: bool = True


Session = OnnxSession | ContainedSession


class OnnxRunner:
    embeds = True

    def __init__(self, model: Model, session: Session, *, about: OnnxFile, digest: str, notes: tuple[str, ...]) -> None:
        self._session: Session | None = session
        embedding = model.output.embedding
        self._outputs = (_chosen_output(session, model), *(() if embedding is None else (str(embedding.name),)))
        self._only = session.inputs[0]["name"] if session.inputs else ONLY_INPUT
        sizes = {port["shape"][0] for port in session.inputs if port["shape"] and isinstance(port["shape"][0], int)}
        self.fixed_batch: int | None = min(sizes) if sizes else None
        self.identity = ModelIdentity(
            id=model.id,
            format="onnx",
            digest=digest,
            provider=session.provider,
            runtime=runtime(),
            inputs=session.inputs,
            outputs=session.outputs,
            parameters=about.parameters,
            notes=(*session.notes, *notes),
            opset=", ".join(f"{domain or 'ai.onnx'} {version}" for domain, version in sorted(about.opset.items())),
        )

    def begin(self, arrays: Mapping[str, NDArray[Any]]) -> Begun[Outputs]:
        session = self._session
        assert session is not None
        named = {self._only if name == ONLY_INPUT else name: array for name, array in arrays.items()}
        if isinstance(session, ContainedSession):
            return session.begin(self._outputs, named)
        return Begun(partial(_here, session, self._outputs, named))

    @property
    def finishes(self) -> Literal["asked"] | None:
        """Only on demand: it takes torch, which an ONNX model does without."""
        return "asked" if isinstance(self._session, ContainedSession) else None

    def begin_unfinished(self, images: Sequence[Unfinished], size: int) -> Begun[Outputs]:
        assert isinstance(self._session, ContainedSession)
        return self._session.begin_unfinished(self._outputs, self._only, images, size)

    def close(self) -> None:
        if isinstance(self._session, ContainedSession):
            self._session.close()
        self._session = None


def _here(session: OnnxSession, outputs: Sequence[str], named: Mapping[str, NDArray[Any]]) -> Outputs:
    try:
        return session.run(outputs, named)
    except MemoryError as error:
        raise OutOfMemory(str(error)) from error


class OnnxAdapter:
    needs_pixels = True
    takes_inputs = True
    embeds = True
    OPTIONS: type[BaseModel] = OnnxOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> PixelModel:
        options = read_options(OnnxOptions, model)
        path = model_path(model, base)
        content = read_model(path, model=model)
        about = _about(content, path.name, options, model=model)
        external = _external_files(about, path.parent, model=model)
        digest = digest_of({path.name: content, **external})
        check_digest(digest, model=model)
        session, notes = _opened(content, external, options, model=model, base=base, device=device, threads=threads)
        try:
            return PixelModel(model, OnnxRunner(model, session, about=about, digest=digest, notes=notes))
        except BaseException:
            if isinstance(session, ContainedSession):
                session.close()
            raise


def _about(content: bytes, name: str, options: OnnxOptions, *, model: Model) -> OnnxFile:
    """What the file says, which tells the other files to digest; a wrong file is called that before anything else."""
    allowed = options.custom_operators.names if options.custom_operators is not None else ()
    try:
        return read_onnx(content, model_id=model.id, allowed=allowed)
    except ModelError:
        check_digest(digest_of({name: content}), model=model)
        raise


def _external_files(about: OnnxFile, folder: Path, *, model: Model) -> dict[str, bytes]:
    """Content of the weight files that the model names; only plain files beside it or below it are read."""
    files = {}
    for name in sorted(about.external):
        place = f"models.{model.id}.path: the model keeps weights in another file, {name!r}"
        path = folder / name
        if Path(name).is_absolute() or not path.resolve().is_relative_to(folder.resolve()):
            raise ModelError(f"{place}, which lies outside the model's folder: refused.")
        if not path.is_file():
            raise ModelError(f"{place}, and it is missing. Put it beside the model file, under this name.")
        files[name] = read_model(path, model=model)
    return files


def _opened(
    content: bytes,
    external: Mapping[str, bytes],
    options: OnnxOptions,
    *,
    model: Model,
    base: Path,
    device: str,
    threads: int,
) -> tuple[Session, tuple[str, ...]]:
    if options.contained or options.custom_operators is not None:
        return contained_session(
            content, external, options.custom_operators, model=model, base=base, device=device, provider=options.provider,
            threads=threads,
        )  # fmt: skip
    try:
        session = open_session(content, external, device=device, provider=options.provider, threads=threads)
    except ProviderMissing as error:
        raise ModelError(f"models.{model.id}{no_provider(str(error))}") from error
    except NotOpened as error:
        raise ModelError(f"models.{model.id}{not_opened(str(error))}") from error
    return session, ("run in this program's own process, as the protocol asks (contained: false)",)


def _chosen_output(session: Session, model: Model) -> str:
    ports = {port["name"]: port for port in session.outputs}
    name = output_name(tuple(ports), model=model)
    if (declared := model.output.embedding) is not None:
        embedding_output(tuple(ports), model=model)
        declared_shape(ports[str(declared.name)]["shape"], model=model)
    element, shape = ports[name]["type"], ports[name]["shape"]
    if element not in FLOATS:
        raise ModelError(
            f"models.{model.id}.output: '{name}' is {element}; expected a tensor of floats. "
            "A classifier converted from scikit-learn has one when exported with zipmap off."
        )
    if model.output.kind == "mask" or model.postprocess:
        return name  # a value for each voxel, of which masks or marks are made
    if shape and len(shape) not in {1, 2}:
        raise ModelError(
            f"models.{model.id}.output: '{name}' has the shape {shape}; expected (batch,) or "
            "(batch, number of classes). Name another output, or export the model with one."
        )
    columns = shape[1] if len(shape) == 2 else 1
    if isinstance(columns, int) and shape:
        check_columns(columns, model=model)
    return name


ADAPTER = OnnxAdapter()
