"""A MONAI bundle: its own pre- and post-processing around its network, run in a confined child process (monai_child.py).

The bundle's configuration holds Python expressions, so it is code; weights are read with `weights_only`, or are TorchScript that
has been checked. What the bundle would save is left out: nothing can be written.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from validate.cohort.case import Case
from validate.errors import MissingLibrary, ModelError
from validate.imaging.mask import Grid, LabelMap, whole_labels
from validate.imaging.nifti import RAS_TO_LPS
from validate.imaging.volume import DecodeFailure
from validate.models.adapter import Batch, ModelIdentity, read_options
from validate.models.child_host import ChildHost, ModelCrashed
from validate.models.container_layout import nifti_of
from validate.models.digest import check_digest, digest_of_digests, read_model
from validate.models.mask_predictions import mask_prediction
from validate.models.output import class_scores
from validate.models.prediction import Failure, Prediction
from validate.models.torch_archive import read_archive
from validate.models.torchscript import checked_torchscript
from validate.protocol.model import Model

Name = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]


class MonaiBundleOptions(BaseModel):
    """
    config, weights : in the bundle's folder
    preprocessing, inferer, postprocessing, network : ids in the configuration
    image_key, output_key : of the dictionary that goes through the transforms
    overrides : values in the configuration that are set before it is read, by id
    patience : seconds for one case, and for opening the bundle
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    config: str = "configs/inference.json"
    weights: str = "models/model.pt"
    preprocessing: Name = "preprocessing"
    inferer: Name = "inferer"
    postprocessing: Name | None = "postprocessing"
    network: Name = "network_def"
    image_key: Name = "image"
    output_key: Name = "pred"
    overrides: dict[str, str | int | float | bool | list[Any]] = {}
    patience: Annotated[float, Field(gt=0)] = 600.0


class MonaiBundleModel:
    needs_pixels = False
    fixed_batch: int | None = 1

    def __init__(
        self, model: Model, host: ChildHost, scratch: TemporaryDirectory[str], *, digest: str, about: Mapping[str, Any]
    ) -> None:
        self._model, self._host, self._scratch = model, host, scratch
        facts = host.facts
        named = f"{about.get('name') or 'a bundle'} {about.get('version') or ''}".strip()
        left_out = f"left out, since nothing may be written: {', '.join(facts['left_out'])}"
        self.identity = ModelIdentity(
            id=model.id,
            format="monai_bundle",
            digest=digest,
            provider=facts["provider"],
            runtime=f"MONAI {facts['monai']}, torch {facts['torch']}",
            parameters=facts["parameters"],
            notes=(
                f"bundle {named}, made for MONAI {about.get('monai_version') or 'of no stated version'}",
                *([left_out] if facts["left_out"] else []),
                f"run in a child process: {', '.join(facts['isolation'])}",
            ),
        )

    def misfit(self, shape: tuple[int, ...]) -> str | None:
        del shape
        return None

    def coverage(self, cases: Sequence[Case]) -> Mapping[str, Any]:
        del cases
        return {}

    def predict(self, batch: Batch) -> Sequence[Prediction | Failure]:
        return [self._one(case) for case in batch.cases]

    def close(self) -> None:
        self._host.close()
        self._scratch.cleanup()

    def _one(self, case: Case) -> Prediction | Failure:
        from validate.imaging.series import read_series

        if not case.files:
            return Failure("no_image", "This unit has no image to give to the model.")
        path = Path(self._scratch.name, "image.nii.gz")
        try:
            path.write_bytes(nifti_of(read_series(case.files)))
        except DecodeFailure as failure:
            return Failure(failure.reason, failure.detail)
        try:
            _, (values, affine) = self._host.ask({"image": str(path)}, [])
        except ModelCrashed as crash:
            return Failure(crash.reason, f"The bundle failed on this case: {type(crash.__cause__ or crash).__name__}.")
        if self._model.output.kind == "mask":
            return _mask(values, affine, self._model)
        (result,) = class_scores(values.reshape(1, -1), cases=1, model=self._model)
        return result


class MonaiBundleAdapter:
    needs_pixels = False
    reads_files = True
    OPTIONS: type[BaseModel] = MonaiBundleOptions

    def load(self, model: Model, *, base: Path, device: str, threads: int = 0) -> MonaiBundleModel:
        from importlib.util import find_spec

        options = read_options(MonaiBundleOptions, model)
        if find_spec("monai") is None:
            raise MissingLibrary(
                "monai", f"models.{model.id}: format 'monai_bundle'", "pip install 'validate-imaging[monai]'"
            )
        if model.output.kind not in {"mask", "probability", "score"}:
            raise ModelError(
                f"models.{model.id}.output.kind: a bundle is read as a mask or as scores, not {model.output.kind}."
            )
        folder = _folder(model, base)
        files = _files(folder, model)
        digest = digest_of_digests({name: hashlib.sha256(content).hexdigest() for name, content in files.items()})
        check_digest(digest, model=model)
        for name in (options.config, options.weights):
            if name not in files:
                raise ModelError(f"models.{model.id}.path: the bundle has no {name}; say which file it is.")
        kind, weights = _weights(files[options.weights], model)
        scratch = TemporaryDirectory(prefix="validate-", ignore_cleanup_errors=True)
        try:
            host = ChildHost(
                model,
                "validate.models.monai_child",
                runtime="MONAI",
                request={
                    **options.model_dump(mode="json", exclude={"patience", "weights"}),
                    "folder": str(folder.resolve()),
                    "scratch": scratch.name,
                    "kind": kind,
                    "device": device,
                    "threads": threads,
                },
                arrays=[np.frombuffer(weights, dtype=np.uint8)],
                refused={"no_cuda": lambda message: f": device 'cuda' was asked for, and {message}."},
                patience=options.patience,
            )
        except BaseException:
            scratch.cleanup()
            raise
        return MonaiBundleModel(model, host, scratch, digest=digest, about=_about(files))


def _folder(model: Model, base: Path) -> Path:
    if model.path is None or not (base / model.path).is_dir():
        raise ModelError(
            f"models.{model.id}.path: expected the folder of a MONAI bundle, with configs/ and models/ in it."
        )
    return base / model.path


def _files(folder: Path, model: Model) -> dict[str, bytes]:
    """Every file by its relative name; links that lead out of the folder are refused."""
    files = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if path.is_dir() or {".git", "__pycache__", ".cache"} & set(name.parts):
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            raise ModelError(f"models.{model.id}.path: {name} leads out of the bundle's folder: refused.")
        files[name.as_posix()] = read_model(path, model=model)
    return files


def _weights(content: bytes, model: Model) -> tuple[Literal["state_dict", "torchscript"], bytes]:
    """TorchScript is checked and written anew; anything else is read with weights_only in the child."""
    where = f"models.{model.id}.weights"
    try:
        archive = read_archive(content, where=where)
    except ModelError:
        return "state_dict", content
    if archive.kind != "torchscript":
        raise ModelError(
            f"{where}: a bundle's weights are a state dict or TorchScript; this is a program of torch.export."
        )
    return "torchscript", checked_torchscript(archive.records, where=where)


def _about(files: Mapping[str, bytes]) -> Mapping[str, Any]:
    try:
        found = json.loads(files.get("configs/metadata.json", b"{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _mask(values: NDArray[Any], affine: NDArray[Any], model: Model) -> Prediction | Failure:
    """MONAI's (channel, x, y[, z]) in RAS → our (z, y, x) in LPS."""
    if values.shape[0] != 1 or values.ndim not in {3, 4}:
        raise ModelError(
            f"models.{model.id}.output: the bundle leaves an array of {values.shape}; a mask is one channel of labels. Its "
            "post-processing must make labels (AsDiscreted with argmax or a threshold)."
        )
    labels = values[0] if values.ndim == 4 else values[0][..., None]
    try:
        voxels = whole_labels(np.ascontiguousarray(labels.T))
    except DecodeFailure as failure:
        return Failure(failure.reason, failure.detail)
    shape = (voxels.shape[0], voxels.shape[1], voxels.shape[2])
    return mask_prediction(LabelMap(voxels, Grid(shape, RAS_TO_LPS @ np.asarray(affine, np.float64))))


ADAPTER = MonaiBundleAdapter()
