"""ONNX models, run by onnxruntime in a confined child: a model that ends its process costs one case and not the run."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Protocol

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from validate.errors import ModelError
from validate.imaging.unfinished import Unfinished
from validate.models.adapter import ModelIdentity, OutOfMemory, read_options
from validate.models.begun import Begun
from validate.models.child_host import ChildHost
from validate.models.digest import check_digest, digest_of, model_path, read_model
from validate.models.embedding import declared_shape, embedding_output
from validate.models.left_to_device import message
from validate.models.onnx_file import OnnxFile, read_onnx
from validate.models.onnx_session import NotOpened, ProviderMissing, open_session, runtime
from validate.models.output import check_columns, output_name
from validate.models.pixel_model import PixelModel
from validate.models.runner import ONLY_INPUT
from validate.protocol.model import Model

FLOATS = {"float32", "float64", "float16"}


class CustomOperators(BaseModel):
    """
    library : shared object (.so) that holds them, from the protocol's folder; its digest is stated      names : "domain:Name"
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    library: str
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    names: Annotated[tuple[str, ...], Field(min_length=1)]


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


class _Session(Protocol):
    """A session here or in a child."""

    @property
    def inputs(self) -> tuple[dict[str, Any], ...]: ...
    @property
    def outputs(self) -> tuple[dict[str, Any], ...]: ...
    @property
    def provider(self) -> str: ...
    @property
    def notes(self) -> tuple[str, ...]: ...
    def run(self, output: str, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]: ...
    def run_both(self, outputs: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]: ...


class _ChildSession:
    def __init__(self, host: ChildHost) -> None:
        self._host = host
        facts = host.facts
        self.inputs = tuple(dict(port) for port in facts["inputs"])
        self.outputs = tuple(dict(port) for port in facts["outputs"])
        self.provider = str(facts["provider"])
        isolation = f"run in a child process: {', '.join(facts['isolation'])}"
        self.notes = (*map(str, facts["notes"]), isolation)

    def run(self, output: str, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        return self.begin(output, arrays).answer()

    def begin(self, output: str, arrays: Mapping[str, NDArray[Any]]) -> Begun[NDArray[Any]]:
        return self.begin_both((output,), arrays).then(_only)

    def run_both(self, outputs: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> tuple[NDArray[Any], ...]:
        return self.begin_both(outputs, arrays).answer()

    def begin_both(self, outputs: Sequence[str], arrays: Mapping[str, NDArray[Any]]) -> Begun[tuple[NDArray[Any], ...]]:
        asked = {"outputs": list(outputs), "inputs": list(arrays)}
        return self._host.begin(asked, list(arrays.values())).then(lambda found: tuple(found[1]))

    def begin_unfinished(self, output: str, name: str, images: Sequence[Unfinished], size: int) -> Begun[NDArray[Any]]:
        header, arrays = message(images, size)
        asked = {"outputs": [output], "inputs": [name], **header}
        return self._host.begin(asked, arrays).then(lambda found: _only(tuple(found[1])))

    def close(self) -> None:
        self._host.close()


def _only(found: tuple[NDArray[Any], ...]) -> NDArray[Any]:
    (raw,) = found
    return raw


class OnnxRunner:
    def __init__(
        self, model: Model, session: _Session, *, about: OnnxFile, digest: str, notes: tuple[str, ...]
    ) -> None:
        self._session: _Session | None = session
        self._output = _chosen_output(session, model)
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

    def run(self, arrays: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        return self.begin(arrays).answer()

    def begin(self, arrays: Mapping[str, NDArray[Any]]) -> Begun[NDArray[Any]]:
        session = self._session
        assert session is not None
        named = {self._only if name == ONLY_INPUT else name: array for name, array in arrays.items()}
        if isinstance(session, _ChildSession):
            return session.begin(self._output, named)
        return Begun(lambda: self._here(session, named))

    def begin_both(
        self, arrays: Mapping[str, NDArray[Any]], embedding: str
    ) -> Begun[tuple[NDArray[Any], NDArray[Any]]]:
        session = self._session
        assert session is not None
        named = {self._only if name == ONLY_INPUT else name: array for name, array in arrays.items()}
        outputs = tuple(dict.fromkeys((self._output, embedding)))
        if isinstance(session, _ChildSession):
            return session.begin_both(outputs, named).then(lambda found: (found[0], found[-1]))
        return Begun(lambda: self._both_here(session, outputs, named))

    def _both_here(
        self, session: _Session, outputs: Sequence[str], named: Mapping[str, NDArray[Any]]
    ) -> tuple[NDArray[Any], NDArray[Any]]:
        try:
            found = session.run_both(outputs, named)
        except MemoryError as error:
            raise OutOfMemory(str(error)) from error
        return found[0], found[-1]

    def _here(self, session: _Session, named: Mapping[str, NDArray[Any]]) -> NDArray[Any]:
        try:
            return session.run(self._output, named)
        except MemoryError as error:
            raise OutOfMemory(str(error)) from error

    @property
    def finishes(self) -> Literal["asked"] | None:
        """Only on demand: it takes torch, which an ONNX model does without."""
        return "asked" if isinstance(self._session, _ChildSession) else None

    def begin_unfinished(self, images: Sequence[Unfinished], size: int) -> Begun[NDArray[Any]]:
        assert isinstance(self._session, _ChildSession)
        return self._session.begin_unfinished(self._output, self._only, images, size)

    def close(self) -> None:
        if isinstance(self._session, _ChildSession):
            self._session.close()
        self._session = None


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
            if isinstance(session, _ChildSession):
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
) -> tuple[_Session, tuple[str, ...]]:
    if options.contained or options.custom_operators is not None:
        return _in_child(content, external, options, model=model, base=base, device=device, threads=threads)
    try:
        session = open_session(content, external, device=device, provider=options.provider, threads=threads)
    except ProviderMissing as error:
        raise ModelError(f"models.{model.id}{_no_provider(str(error))}") from error
    except NotOpened as error:
        raise ModelError(f"models.{model.id}{_not_opened(str(error))}") from error
    return session, ("run in this program's own process, as the protocol asks (contained: false)",)


def _in_child(
    content: bytes,
    external: Mapping[str, bytes],
    options: OnnxOptions,
    *,
    model: Model,
    base: Path,
    device: str,
    threads: int,
) -> tuple[_ChildSession, tuple[str, ...]]:
    library, notes = _library(options.custom_operators, model=model, base=base)
    host = ChildHost(
        model,
        "validate.models.onnx_child",
        runtime="onnxruntime",
        request={
            "device": device,
            "provider": options.provider,
            "threads": threads,
            "library": library is not None,
            "external": list(external),
        },
        arrays=[np.frombuffer(part, dtype=np.uint8) for part in (content, library or b"", *external.values())],
        refused={"no_provider": _no_provider, "not_opened": _not_opened},
    )
    return _ChildSession(host), notes


def _library(custom: CustomOperators | None, *, model: Model, base: Path) -> tuple[bytes | None, tuple[str, ...]]:
    """The content of the library with custom operators, checked, and what the evidence says of it."""
    if custom is None:
        return None, ()
    path = base / custom.library
    place = f"models.{model.id}.custom_operators"
    if not path.is_file():
        raise ModelError(f"{place}.library: no file at {path}.")
    library = read_model(path, model=model)
    found = hashlib.sha256(library).hexdigest()
    if found != custom.sha256:
        raise ModelError(f"{place}.sha256: the library's SHA-256 is {found}, the protocol says {custom.sha256}.")
    return library, (f"custom operators {', '.join(custom.names)} of the library {path.name}, SHA-256 {found}",)


def _no_provider(message: str) -> str:
    return (
        f": {message}. Install the GPU libraries with `pip install validate-imaging[gpu]`, or ask for another device "
        "(`--device cpu`)."
    )


def _not_opened(message: str) -> str:
    return f".path: onnxruntime {onnxruntime.__version__} can't open this model: {message}"


def _chosen_output(session: _Session, model: Model) -> str:
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
