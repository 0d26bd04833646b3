"""Block of a protocol: what is true of each case, and how that is known."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from validate.protocol.block import Block, Scalar


class FindingLabel(Block):
    """One finding of several: the column that says whether it is there, and how."""

    label: str
    positive: Scalar = 1
    negative: Scalar | None = None
    indeterminate_values: tuple[Scalar, ...] = ()


class Reference(Block):
    """What is true of each case. Which of the six forms belongs to which task (protocol.targets):

    classification : label, positive (and negative)
    multiclass : label, classes, every value that the column may hold
    ordinal : label, grades, the same in rising order
    multilabel : findings, each with a column of its own
    detection : classes, the kinds of lesion; marks as below, or masks and names, where each component is a lesion
    segmentation : masks, a folder; names, of its NIfTI files in terms of a case, such as "{patient}_{phase}.nii.gz", or nothing
        where it holds DICOM SEG and RTSTRUCT files, which say themselves whose they are; classes, the value of each structure;
        segments, how a structure is called there, where that is not its name (a segment's label or number, an ROI's name);
        unnamed, what to do with others that are there; fraction, from which on a voxel of a fractional SEG belongs;
        grid, what to do with a mask on another grid than its image: "refuse", or "nearest", the mask's value at its voxels
    marks : lesions with their places: a table with a row for each, COCO JSON, or a folder of DICOM SR, RTSTRUCT or SEG;
        shape, space : what its numbers mean, where the file does not say so itself (as `output.space` does for a model)
        unlisted : what a case is that it does not name: without a lesion, or without a reference
        columns : of a table, names of columns that are called otherwise, such as {x: coordX, diameter: diameter_mm}
    headline : the class, finding or "at_least_<grade>" that the first page, the curves and calibration speak of
    """

    table: str | None = None
    key: str | None = None
    masks: str | None = None
    names: str | None = None
    segments: dict[str, str | int] = {}
    unnamed: Literal["refuse", "ignore"] = "refuse"
    fraction: Annotated[float, Field(gt=0, le=1)] | None = None
    grid: Literal["refuse", "nearest"] = "refuse"
    marks: str | None = None
    shape: Literal["box", "point", "ball"] | None = None
    space: Literal["mm", "mm_ras", "pixels", "voxels"] | None = None
    unlisted: Literal["no_lesion", "missing"] | None = None
    columns: dict[str, str] = {}
    level: Literal["image", "series", "study", "patient", "lesion"]
    label: str | None = None
    positive: Scalar | None = None
    negative: Scalar | None = None
    classes: tuple[Scalar, ...] | dict[str, int] | None = None
    grades: tuple[Scalar, ...] | None = None
    findings: dict[str, FindingLabel] | None = None
    headline: Scalar | None = None
    indeterminate_values: tuple[Scalar, ...] = ()
    standard: str
    kind: Literal["reference_standard", "comparator"] = "reference_standard"
    missing: Literal["exclude_and_report"] = "exclude_and_report"
    indeterminate: Literal["exclude_and_report"] = "exclude_and_report"
