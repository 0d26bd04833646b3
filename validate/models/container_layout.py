"""What a container finds in its folders and what it must leave there: the plain contract, grand-challenge's, MedPerf's."""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from validate.canonical import step_name
from validate.cohort.case import Case
from validate.errors import ModelError
from validate.imaging.mask import Grid
from validate.imaging.nifti import ENDINGS, image_bytes, is_nifti
from validate.imaging.volume import DecodeFailure, Volume
from validate.models import answer
from validate.models.container_engine import Mount
from validate.models.marks import SHAPES, marks
from validate.models.metaimage import metaimage_bytes, placed
from validate.models.prediction import Failure, Prediction
from validate.protocol.model import Model

Gives = Literal["files", "nifti", "mha"]
Relative = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_./-]*$")]
Inside = Annotated[str, Field(pattern=r"^/[A-Za-z0-9_][A-Za-z0-9_./-]*$")]


class GrandChallenge(BaseModel):
    """
    input : slug of the image socket, whose file lies in /input/images/SLUG/; output : where the answer lies in /output, such as
        "probability.json" or "images/SLUG"
    value : JSON pointer to the number in the answer; "" for the whole
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    input: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9-]*$")]
    output: Relative
    value: Annotated[str, Field(pattern=r"^(/[^/]*)*$")] = ""


class MedPerf(BaseModel):
    """
    Mount points as container_config.yaml has them under tasks.infer.
    parameters, additional_files : a file and a folder from the protocol's folder that the container is given
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    data_path: Inside = "/mlcommons/volumes/data"
    output_path: Inside = "/mlcommons/volumes/predictions"
    parameters_file: Inside = "/mlcommons/volumes/parameters/parameters_file.yaml"
    additional_path: Inside = "/mlcommons/volumes/additional_files"
    parameters: str | None = None
    additional_files: str | None = None


@dataclass(frozen=True, slots=True)
class Layout:
    """
    gives : the files of a case as they are, or its image as one NIfTI or MetaImage file
    columns : attributes that stand beside the files in cases.json
    """

    gives: Gives
    columns: tuple[str, ...] = ()
    grand_challenge: GrandChallenge | None = None
    medperf: MedPerf | None = None
    base: Path = field(default=Path(), repr=False)

    def mounts(self, given: Path, taken: Path) -> list[Mount]:
        """Of `given`, what the container may read, and `taken`, where it writes."""
        if self.medperf is None:
            return [Mount(given, "/input"), Mount(taken, "/output", writable=True)]
        about = self.medperf
        found = [Mount(given, about.data_path), Mount(taken, about.output_path, writable=True)]
        if about.parameters is not None:
            found.append(Mount((self.base / about.parameters).resolve(), about.parameters_file))
        if about.additional_files is not None:
            found.append(Mount((self.base / about.additional_files).resolve(), about.additional_path))
        return found

    def lay_out(self, cases: Sequence[Case], given: Path, taken: Path) -> dict[int, Failure]:
        """Write what the container reads; the cases, by number, whose image can't be read."""
        failures: dict[int, Failure] = {}
        listed = []
        for number, case in enumerate(cases):
            try:
                files = self._files(case, number)
            except DecodeFailure as failure:
                failures[number] = Failure(failure.reason, failure.detail)
                continue
            for name, content in files.items():
                path = given / name
                path.parent.mkdir(parents=True, exist_ok=True)
                if isinstance(content, Path):
                    shutil.copyfile(content, path)
                else:
                    path.write_bytes(content)
            listed.append({"case": called(number), "files": sorted(files), **self._attributes(case)})
        document = self._sockets(cases) if self.grand_challenge is not None else listed
        name = "inputs.json" if self.grand_challenge is not None else "cases.json"
        (given / name).write_text(json.dumps(document, indent=1), encoding="utf-8")
        if self.grand_challenge is not None:
            folder = taken / self.grand_challenge.output
            (folder.parent if folder.suffix else folder).mkdir(parents=True, exist_ok=True)
        for path in (given, *given.rglob("*")):
            path.chmod(0o755 if path.is_dir() else 0o644)
        for path in (taken, *taken.rglob("*")):
            path.chmod(0o777)  # the container's user is nobody of ours; what lies above can't be entered by others
        return failures

    def read(self, number: int, taken: Path, model: Model) -> Prediction | Failure:
        """The answer on one case. Raises ModelError where the declaration is wrong."""
        try:
            if self.grand_challenge is not None:
                return self._challenge_answer(taken, self.grand_challenge, model)
            path = taken / f"{called(number)}.json"
            if not path.exists() and not path.is_symlink():
                if model.output.kind == "mask" and (taken / f"{called(number)}.nii.gz").exists():
                    return answer.mask_file(taken, f"{called(number)}.nii.gz", model)
                return Failure("missing_output", f"The container wrote no {path.name} for this case.")
            return answer.read_answer(path, model=model)
        except answer.BadAnswer as bad:
            return Failure("bad_answer", str(bad))

    def _files(self, case: Case, number: int) -> dict[str, Path | bytes]:
        if not case.files:
            raise DecodeFailure("no_image", "This unit has no image to give to the model.")
        if self.grand_challenge is not None:
            name = f"images/{self.grand_challenge.input}/{called(number)}.{_SUFFIX[self.gives]}"
            return {name: self._image(case)}
        if self.gives != "files":
            return {f"{called(number)}/image.{_SUFFIX[self.gives]}": self._image(case)}
        return {f"{called(number)}/{place:04d}{_suffix(path)}": path for place, path in enumerate(case.files)}

    def _image(self, case: Case) -> bytes:
        from validate.imaging.series import read_series

        volume = read_series(case.files)
        return metaimage_bytes(volume) if self.gives == "mha" else nifti_of(volume)

    def _attributes(self, case: Case) -> dict[str, Any]:
        return {"attributes": {name: case.attributes.get(name) for name in self.columns}} if self.columns else {}

    def _sockets(self, cases: Sequence[Case]) -> list[dict[str, Any]]:
        assert self.grand_challenge is not None
        slug = self.grand_challenge.input
        socket = {
            "slug": slug, "title": slug, "kind": "Image", "super_kind": "Image", "relative_path": f"images/{slug}",
        }  # fmt: skip
        name = f"{called(0)}.{_SUFFIX[self.gives]}"
        image = {"name": name, "pk": called(0)}
        found: list[dict[str, Any]] = [
            {"socket": socket, "interface": socket, "image": image, "file": None, "value": None}
        ]
        for column in self.columns:
            other = {
                "slug": column,
                "title": column,
                "kind": "Anything",
                "super_kind": "Value",
                "relative_path": f"{column}.json",
            }
            found.append({"socket": other, "interface": other, "image": None, "value": cases[0].attributes.get(column)})
        return found

    def _challenge_answer(self, taken: Path, about: GrandChallenge, model: Model) -> Prediction | Failure:
        path = taken / about.output
        if not path.exists():
            return Failure("missing_output", f"The container wrote no {about.output} for this case.")
        if path.is_dir() and not path.is_symlink():
            names = sorted(one.name for one in path.iterdir())
            if len(names) != 1:
                return Failure("bad_answer", f"The container left {len(names)} files in {about.output}; expected one.")
            return answer.mask_file(path, names[0], model)
        document = answer.read_document(path)
        for key in about.value.split("/")[1:]:
            document = _step(document, step_name(key))
        return _annotated(document, model) if model.output.kind in SHAPES else answer.scores(document, model)


def called(number: int) -> str:
    """A case's name in the container: its number, so that no identifier gets in."""
    return f"case-{number:04d}"


def check_paths(layout: Layout, model: Model) -> None:
    """Raises ModelError where a file that the protocol gives to the container is not there."""
    about = layout.medperf
    for key in ("parameters", "additional_files"):
        name = getattr(about, key) if about is not None else None
        if name is not None and not (layout.base / name).exists():
            raise ModelError(f"models.{model.id}.medperf.{key}: nothing at {layout.base / name}.")


_SUFFIX: Mapping[str, str] = {"nifti": "nii.gz", "mha": "mha"}


def _suffix(path: Path) -> str:
    if not is_nifti(path):
        return ".dcm"
    return next((ending for ending in reversed(ENDINGS) if path.name.lower().endswith(ending)), ".nii")


def nifti_of(volume: Volume) -> bytes:
    """The image as a .nii.gz file; one that does not say where it lies is put at the origin, along the axes."""
    shape = volume.voxels.shape
    return image_bytes(volume.voxels, Grid((shape[0], shape[1], shape[2]), placed(volume)))


def _step(document: Any, key: str) -> Any:
    if isinstance(document, dict) and key in document:
        return document[key]
    if isinstance(document, list) and key.isdigit() and int(key) < len(document):
        return document[int(key)]
    raise answer.BadAnswer("The answer has nothing where the protocol's `value` points.")


def _annotated(document: Any, model: Model) -> Prediction | Failure:
    """grand-challenge's "Multiple points" and "Multiple 2D bounding boxes", with a probability each."""
    kind = SHAPES[model.output.kind]
    key = {"point": "points", "box": "boxes", "ball": "ellipses"}[kind]
    found = document.get(key) if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise answer.BadAnswer(f"The answer has no list of {key}.")
    geometry, told = [], []
    for one in found:
        try:
            told.append(float(one["probability"]))
            geometry.append([float(number) for number in one["point"]] if kind == "point" else _corners(one["corners"]))
        except (KeyError, TypeError, ValueError) as error:
            raise answer.BadAnswer(f"One of the answer's {key} lacks its place or its probability.") from error
    if any(math.isnan(number) for row in geometry for number in row) or len({len(row) for row in geometry}) > 1:
        raise answer.BadAnswer(f"The answer's {key} lie at no place, or have geometries of different lengths.")
    return marks(np.array(geometry, np.float64), np.array(told, np.float64), model=model)


def _corners(corners: Any) -> list[float]:
    """Corners in any order → lower and upper. A box in a plane has the third coordinate of all of them in common."""
    points = np.array(corners, np.float64)
    if points.ndim != 2 or points.shape[1] not in {2, 3}:
        raise ValueError("no corners")
    if points.shape[1] == 3 and np.ptp(points[:, 2]) == 0:
        points = points[:, :2]
    return [*points.min(axis=0).tolist(), *points.max(axis=0).tolist()]
