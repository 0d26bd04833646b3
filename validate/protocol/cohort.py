"""Blocks of a protocol: who is in, and what is known of them."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from validate.protocol.block import Block, Probability, Scalar
from validate.protocol.geometry import Geometry

Level = Literal["allow", "warn", "exclude", "refuse"]


class Rule(Block):
    """One inclusion or exclusion rule over a harvested or joined attribute."""

    attribute: str
    one_of: tuple[Scalar, ...] | None = None
    none_of: tuple[Scalar, ...] | None = None
    at_least: float | None = None
    at_most: float | None = None


class Source(Block):
    """Exactly one of dicom, nifti and table; images belongs to a table.

    key, patient, study, image : columns of a table; image holds the path of a NIfTI, PNG, JPEG, TIFF or NumPy file
    images : the folder that these paths start from, of which every file is accounted for; without it, the table's folder
    names : of NIfTI files under their folder, such as "{patient}_{phase}.nii.gz"; what is in braces is read from the name
    """

    dicom: str | None = None
    nifti: str | None = None
    images: str | None = None
    table: str | None = None
    key: str | None = None
    patient: str | None = None
    study: str | None = None
    image: str | None = None
    names: str | None = None


Step = Literal["week", "month", "quarter", "year"]


class AttributeSource(Block):
    """An attribute besides those from headers: a table column joined by key, a DICOM tag, or bands of another.

    by : of a date in a table, in StudyDate and the like, or in another attribute, the step of time that it lies in; all that is kept of it
    """

    table: str | None = None
    key: str | None = None
    column: str | None = None
    tag: str | None = None
    of: str | None = None
    bands: tuple[float, ...] | None = None
    by: Step | None = None
    per: Literal["patient"] | None = None  # a patient has one value: two are an error, not two groups


class Period(Block):
    from_: date = Field(alias="from")
    to: date


class Prevalence(Block):
    values: tuple[Probability, ...]
    source: str


class Volume(Block):
    """How many of the study's units come in a day, so that alerts can be counted in days."""

    per_day: Annotated[float, Field(gt=0)]
    source: str


class Privacy(Block):
    """What to do where the images identify somebody: allow, warn, exclude the file with its reason, or refuse the run.

    of : which kinds of elements count (PS3.15 Annex E): those that name persons, institutions, devices, dates; names of the
        patient's in free text; private elements. Each value stays where it is in any case: none enters a run.
    allowed : keywords that may be there all the same
    burned_in : text in the pixels, by the header's word, and where `pixels` says so by a look at the borders of every image
    """

    identifiers: Level = "allow"
    of: tuple[Literal["person", "date", "institution", "device", "text", "free_text", "private"], ...] = (
        "person",
        "free_text",
    )
    allowed: tuple[str, ...] = ("PatientID", "AccessionNumber")
    burned_in: Level = "allow"
    pixels: bool = False


class Independence(Block):
    overlap: Literal["none", "possible", "known", "unknown"]
    method: str


class Cohort(Block):
    sources: tuple[Source, ...] = Field(min_length=1)
    period: Period | None = None
    unit: Literal["image", "series", "study", "patient", "lesion"]
    cluster: Literal["patient", "study", "site", "unit"] = "patient"
    sampling: Literal["consecutive", "random", "enriched", "convenience"]
    prevalence: Prevalence | None = None
    volume: Volume | None = None
    suppress_below: Annotated[int, Field(ge=1)] | None = None  # patients in a group, under which no value is given
    include: tuple[Rule, ...] = ()
    exclude: tuple[Rule, ...] = ()
    on_unreadable: Literal["worst_case", "exclude_and_report"] = "worst_case"
    geometry: Geometry = Geometry()
    attributes: dict[str, AttributeSource] = {}
    vendors: str | None = None  # a table of makers and models, before the one that is shipped (cohort.vendors)
    privacy: Privacy | None = None
    independence: Independence | None = None

    @property
    def resampled(self) -> str:
        """What is drawn together in a resample, in the singular."""
        return self.unit if self.cluster == "unit" else self.cluster
