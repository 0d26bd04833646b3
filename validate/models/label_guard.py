"""No file of a model that is run here may be a file of labels, or a folder that holds one: what a model is made of, it can read.

The model's process can open nothing else but libraries, around the folders of labels (sandbox.py; containers are given folders of
their own). So labels would reach it only as its own files: weights of an ONNX model that lie in "reference.csv", a folder of code
with the labels in it, a link, a copy.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from validate.canonical import file_digest
from validate.cohort.mask_reference import mask_files
from validate.errors import DataError, ModelError
from validate.models.onnx_file import external_names
from validate.protocol.model import Model
from validate.protocol.reference import Reference
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import label_columns

NOT_RUN = frozenset({"predictions", "constant", "dicom_results"})  # read here as tables and objects; no foreign program
LARGEST = 2 << 30  # bytes of an ONNX file: protobuf's own limit
ADVICE = (
    "A model's process must not be able to open the labels: keep them in a folder of their own, apart from every model."
)


def refuse_labels(protocol: StudyProtocol, base: Path) -> None:
    """Raises ModelError, before anything of a model is opened, where one could read labels of this study."""
    run_here = [model for model in protocol.models if model.format not in NOT_RUN]
    if not run_here:
        return
    labels = _Labels(protocol.reference, base)
    for model in run_here:
        for path in _named_paths(model, base):
            if (label := labels.within(path)) is not None:
                raise ModelError(
                    f"models.{model.id}: {path.name} is, holds, or is a copy of a file with the study's labels, {label.name}. {ADVICE}"
                )
        for name in _given_attributes(model):
            if _is_label(protocol, base, name):
                raise ModelError(
                    f"models.{model.id}: is given the attribute '{name}', which is the study's label. {ADVICE}"
                )


def label_folders(reference: Reference, base: Path) -> frozenset[Path]:
    """Where the files with labels lie: what a model's process is to read nothing of (sandbox.hiding)."""
    return frozenset(file.resolve().parent for file in _label_files(reference, base))


def _given_attributes(model: Model) -> Iterator[str]:
    """Names of what stands beside the images of a case, where a model asks for any."""
    yield from _words(model.options.get("columns", ()))
    for one in (model.inputs or {}).values():
        yield from one.columns or ()


def _is_label(protocol: StudyProtocol, base: Path, name: str) -> bool:
    """Whether an attribute is read from a column of labels in the reference table."""
    source, table = protocol.cohort.attributes.get(name), protocol.reference.table
    if source is None or table is None:
        return False
    if source.of is not None:
        return _is_label(protocol, base, source.of)
    same = source.table is not None and (base / source.table).resolve() == (base / table).resolve()
    return same and source.column in label_columns(protocol.reference)


class _Labels:
    """The files with labels, wherever they lie."""

    def __init__(self, reference: Reference, base: Path) -> None:
        files = [file.resolve() for file in _label_files(reference, base)]
        self._same = {_identity(file): file for file in files}
        self._sizes: dict[int, list[Path]] = {}
        for file in files:
            if size := file.stat().st_size:
                self._sizes.setdefault(size, []).append(file)

    def within(self, path: Path) -> Path | None:
        """A file of labels that a model's file or folder is, holds, links to, or has the same bytes as."""
        for file in _files(path):
            if (label := self._same.get(_identity(file))) is not None:
                return label
            alike = self._sizes.get(file.stat().st_size, ())
            digest = file_digest(file) if alike else ""
            for label in alike:
                if file_digest(label) == digest:
                    return label
        return None


def _label_files(reference: Reference, base: Path) -> Iterator[Path]:
    """Nothing where they are not to be found: whoever reads them says so."""
    if reference.masks is not None:
        with suppress(DataError):
            yield from mask_files(reference, base)
    for name in (reference.table, reference.marks):
        if name is not None:
            yield from _files(base / name)


def _named_paths(model: Model, base: Path) -> Iterator[Path]:
    """Whatever of this machine the block names: its path, files named in its options, and weights beside an ONNX file."""
    named = [model.path, *_words(model.options)]
    for name in named:
        path = base / name if name else None
        if path is None or "\0" in str(path) or len(str(name)) > 1000 or not path.exists():
            continue
        yield path
        if path.suffix == ".onnx" and path.is_file() and path.stat().st_size <= LARGEST:
            yield from (
                path.parent / other for other in external_names(path.read_bytes()) if (path.parent / other).exists()
            )


def _words(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for one in value.values():
            yield from _words(one)
    elif isinstance(value, list | tuple):
        for one in value:
            yield from _words(one)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    elif path.is_dir():
        yield from (file for file in path.rglob("*") if file.is_file())


def _identity(file: Path) -> tuple[int, int]:
    """Of the file itself, whatever links lead to it."""
    found = file.stat()
    return found.st_dev, found.st_ino
