"""Blocks of a protocol: what is judged, what it is given, and what its numbers mean."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from validate.protocol.block import Block, Scalar
from validate.protocol.cohort import Rule
from validate.protocol.sliding_window import SlidingWindow


class Embedding(Block):
    """Inner numbers of a model, a vector for each case, which `analyses: shift` compares between cohorts.

    name, size : the output that holds them, (batch, size)      columns : of a table of predictions, those that hold them
    """

    name: str | None = None
    size: Annotated[int, Field(ge=1, le=4096)] | None = None
    columns: Annotated[tuple[str, ...], Field(min_length=1, max_length=4096)] | None = None

    @property
    def numbers(self) -> int:
        """How many there are of a case."""
        return len(self.columns) if self.columns is not None else self.size or 0


class Output(Block):
    """What the model's numbers mean: stated, never guessed.

    index : which of several numbers is the score      columns : which class, grade, finding or kind of lesion each number is for
    space : of marks (boxes, points, balls): "mm", patient coordinates as in DICOM; "mm_ras", as in NIfTI; "pixels", from the corner of
        the first one, as in COCO; "voxels", from the centre of the first one
    embedding : a second output, of inner numbers
    """

    name: str | None = None
    activation: Literal["none", "sigmoid", "softmax"]
    kind: Literal["probability", "score", "mask", "boxes", "points", "balls"]
    index: int | None = None
    columns: tuple[Scalar, ...] | None = None
    space: Literal["mm", "mm_ras", "pixels", "voxels"] | None = None
    embedding: Embedding | None = None


class OperatingPoint(Block):
    """How scores become an answer, fixed beforehand.

    threshold : of the score, or of every finding      thresholds : of each finding by name
    rule : which side of a threshold is flagged; argmax: the class with the highest score, the earlier one of a tie; top_k:
        what is among the k highest. Of one question, both look at all numbers of the model's output
    cuts : of one score into grades, rising: a score at or above so many cuts has that grade
    """

    threshold: float | None = None
    thresholds: dict[str, float] | None = None
    cuts: tuple[float, ...] | None = None
    rule: Literal[">=", ">", "argmax", "top_k"] = ">="
    k: Annotated[int, Field(ge=1)] | None = None
    source: str


class Aggregate(Block):
    to: Literal["series", "study", "patient"]
    score: Literal["max", "mean"]


class Stand(Block):
    """What stands in the place of a missing input: a number for every column or for each, or an image of zeros."""

    fill: float | dict[str, float] | None = None
    zeros: tuple[Annotated[int, Field(ge=1)], ...] | None = None


class ModelInput(Block):
    """One named input of a model that takes several.

    image : which file of the unit, as DICOM keyword → values, such as {ViewPosition: [PA, AP]}; {} where it has only one
    file : pattern of its name, such as "*_T1.nii.gz"      preprocess : of this image
    input : "image", one file; "series", all that fit, as one volume
    columns : attributes of the case, in the model's order      codes : number of each word of an attribute, {sex: {F: 0, M: 1}}
    missing : "fail", or what stands in its place
    """

    image: dict[str, tuple[Scalar, ...]] | None = None
    file: str | None = None
    input: Literal["image", "series"] = "image"
    preprocess: tuple[dict[str, dict[str, Any]], ...] = ()
    columns: tuple[str, ...] | None = None
    codes: dict[str, dict[str, float]] = {}
    missing: Literal["fail"] | Stand = "fail"


class Augmentation(Block):
    """Test-time augmentation: the model sees each image several times, and its answers become one.

    of : what is combined: scores, after the stated activation, or raw outputs, before it
    """

    transforms: Annotated[
        tuple[Literal["identity", "flip_x", "flip_y", "flip_z", "rotate_90", "rotate_180", "rotate_270"], ...],
        Field(min_length=1),
    ]
    combine: Literal["mean", "median", "max"] = "mean"
    of: Literal["scores", "raw"] = "scores"


class Model(Block):
    """One submitted model. Keys that only one format knows are gathered in `options`.

    inputs : of a model that takes several, what each of them is given
    sliding_window : of a model of volumes that sees a window of them
    postprocess : from what it says of each voxel to a mask on the image's own grid
    claimed_input : which cases its maker claims it for, by rules on attributes; every model still sees every case, and a
        comparison shows the models on what both claim and on what either claims
    """

    id: str
    name: str
    version: str
    format: str
    path: str | None = None
    sha256: str | None = None
    input: Literal["image", "series", "study"] | dict[Literal["aggregate"], Aggregate] = "image"
    inputs: dict[str, ModelInput] | None = None
    preprocess: tuple[dict[str, dict[str, Any]], ...] = ()
    test_time_augmentation: Augmentation | None = None
    sliding_window: SlidingWindow | None = None
    output: Output
    postprocess: tuple[dict[str, dict[str, Any]], ...] = ()
    operating_point: OperatingPoint | None = None
    claimed_input: tuple[Rule, ...] = ()
    options: dict[str, Any] = {}


class Inference(Block):
    device: Literal["auto", "cpu", "cuda"] = "auto"
    batch_size: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    precision: Literal["float32", "float16"] = "float32"
    preprocess_on: Literal["auto", "processor", "device"] = "auto"  # auto: where torch models run, if that is a GPU
    on_failure: Literal["worst_case", "best_case", "exclude_and_report"] = "worst_case"
    on_device_loss: Literal["stop", "record"] = "stop"  # record: what the lost device owes are failed cases
    workers: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    shard_size: Annotated[int, Field(ge=1)] = 256
