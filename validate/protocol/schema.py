"""The protocol as data: what contracts.md promises, one frozen pydantic model per block.

Format- and plug-in-specific keys (of models, analyses) are kept in `options` here and checked against the
plug-in's own OPTIONS by `protocol.lint` with a catalog that is handed in from above.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from validate.protocol.detection import Detection
from validate.protocol.geometry import Geometry
from validate.protocol.segmentation import Segmentation
from validate.protocol.sliding_window import SlidingWindow

Scalar = str | int | float | bool
Said = Annotated[str, Field(min_length=1, pattern=r"\S")]  # words for the report: never empty
Probability = Annotated[float, Field(ge=0, le=1)]


class Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, populate_by_name=True)


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


class AttributeSource(Block):
    """An attribute besides those from headers: a table column joined by key, a DICOM tag, or bands of another."""

    table: str | None = None
    key: str | None = None
    column: str | None = None
    tag: str | None = None
    of: str | None = None
    bands: tuple[float, ...] | None = None
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


Level = Literal["allow", "warn", "exclude", "refuse"]


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


class Output(Block):
    """What the model's numbers mean: stated, never guessed.

    index : which of several numbers is the score      columns : which class, grade, finding or kind of lesion each number is for
    space : of marks (boxes, points, balls): "mm", patient coordinates as in DICOM; "mm_ras", as in NIfTI; "pixels", from the corner of
        the first one, as in COCO; "voxels", from the centre of the first one
    """

    name: str | None = None
    activation: Literal["none", "sigmoid", "softmax"]
    kind: Literal["probability", "score", "mask", "boxes", "points", "balls"]
    index: int | None = None
    columns: tuple[Scalar, ...] | None = None
    space: Literal["mm", "mm_ras", "pixels", "voxels"] | None = None


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
    on_failure: Literal["worst_case", "best_case", "exclude_and_report"] = "worst_case"
    on_device_loss: Literal["stop", "record"] = "stop"  # record: what the lost device owes are failed cases
    workers: Literal["auto"] | Annotated[int, Field(ge=1)] = "auto"
    shard_size: Annotated[int, Field(ge=1)] = 256


class Interval(Block):
    method: Literal[
        "bootstrap",
        "delong",
        "delong_logit",
        "obuchowski",
        "wilson",
        "wilson_effective_n",
        "clopper_pearson",
        "clopper_pearson_effective_n",
        "jeffreys",
        "jeffreys_effective_n",
        "cluster_robust",
    ]
    level: Annotated[float, Field(gt=0, lt=1)] = 0.95
    kind: Literal["percentile", "bca", "studentised"] | None = None  # of a bootstrap; percentile unless said


class Endpoint(Block):
    id: str
    metric: str
    role: Literal["primary", "secondary", "exploratory"]
    target: Scalar | None = None  # the class, finding or "at_least_<grade>" it is of; "each" stands for all of them
    interval: Interval | None = None  # the metric's own default where the protocol says nothing
    options: dict[str, Any] = {}
    rationale: str | None = None


class Criterion(Block):
    """One goal. With `analysis` its own measure is judged, and no endpoint; of shift with an endpoint, whether that acceptance stands."""

    endpoint: str = ""
    limit: Literal["lower", "upper"] | None = None  # which limit decides; none of a gap, which both do
    at_least: float | None = None
    at_most: float | None = None
    worst_of: str | None = None
    gap_of: str | None = None  # the attribute whose groups may differ by the fairness analysis' margin at most
    perturbation: str | None = None  # of analyses: robustness; "every" for all of them
    holds_up_to: Annotated[int, Field(ge=1)] | None = None  # severity up to which the drop stays within its tolerance
    analysis: Literal["metamorphic", "input_guard", "shift"] | None = (
        None  # whose own measure is judged, of no endpoint
    )
    min_events: Annotated[int, Field(ge=1)] | None = None
    model: str | None = None
    assumed: float | None = None  # value assumed when planning; sizes the new study an INCONCLUSIVE asks for
    rationale: str

    @property
    def plain(self) -> bool:
        """Whether one goal is held against an endpoint's own estimate, and no gap, drop or other measure is judged."""
        return self.gap_of is None and self.perturbation is None and self.holds_up_to is None and self.analysis is None


class Comparison(Block):
    """One model against another on the same cases. The difference is test less reference.

    margin : how much worse (non-inferiority) or other (equivalence) still counts as no worse; for superiority, how much
    better it must be (0 unless given). In the endpoint's own unit: 0.05 is five percentage points of sensitivity.
    """

    test: str
    reference: str
    endpoint: str
    hypothesis: Literal["superiority", "noninferiority", "equivalence"]
    margin: Annotated[float, Field(gt=0)] | None = None
    rationale: str
    alpha_one_sided: Annotated[float, Field(gt=0, lt=0.5)] = 0.025
    interval: Literal["bootstrap", "delong", "obuchowski", "tango", "newcombe"] | None = None
    role: Literal["primary", "secondary"] = "primary"


class Multiplicity(Block):
    """How the error over several comparisons is held. `order`: endpoints of the family; for fixed_sequence, in turn.

    Criteria of `acceptance` and primary comparisons that are not in the family are co-primary: all must be met, and each
    is tested at full alpha (intersection–union).
    """

    method: Literal["fixed_sequence", "holm", "benjamini_hochberg"]
    order: tuple[str, ...] = Field(min_length=1)


class Analysis(Block):
    name: str
    options: dict[str, Any] = {}


class Resampling(Block):
    """How often clusters are drawn, and when more are added.

    at_most : where a limit that faces a goal, or the margin of a declared comparison, lies within `settle` of its Monte-Carlo
        errors of it, the replicates are doubled, the first ones staying as they were, until it does not or twice as many
        would be more than this (eight times `replicates` unless given)
    stratify_by : "class" draws clusters with the finding, without it and with both apart; only where the sampling did so
    """

    replicates: Annotated[int, Field(ge=200, le=1_000_000)] = 2000
    at_most: Annotated[int, Field(ge=200, le=1_000_000)] | None = None
    settle: Annotated[float, Field(ge=0, le=10)] = 3.0
    stratify_by: Literal["class"] | None = None


class Statements(Block):
    """What only people can say, for the sections and checklist items that ask for it; printed word for word."""

    adverse_events: Said | None = None
    alternatives: Said | None = None
    annotators: Said | None = None
    background: Said | None = None
    code_availability: Said | None = None
    data_availability: Said | None = None
    deidentification: Said | None = None
    development: Said | None = None
    development_comparison: Said | None = None
    ethics: Said | None = None
    explainability: Said | None = None
    failure_review: Said | None = None
    funding: Said | None = None
    implications: Said | None = None
    interests: Said | None = None
    internal_evaluation: Said | None = None
    interpretation: Said | None = None
    interval_between_tests: Said | None = None
    limitations: Said | None = None
    patient_involvement: Said | None = None
    reader_agreement: Said | None = None
    recalibration: Said | None = None
    record_keeping: Said | None = None
    registration: Said | None = None
    severity: Said | None = None
    standard_blinding: Said | None = None
    standard_rationale: Said | None = None
    treatments: Said | None = None
    users: Said | None = None


class Claim(Block):
    """What somebody claims of the model, and what tests it.

    hazard : id in the risk file (ISO 14971) that an untrue claim leads to      endpoint : none: untested, and said so
    model : of which model, where there are several
    """

    id: str
    text: Said
    hazard: str | None = None
    requirement: str | None = None
    endpoint: str | None = None
    model: str | None = None


class Gallery(Block):
    """The worst errors by pseudonym. pixels : their images go into the report, and leave the site

    cause : attribute of the cohort that holds the cause of an error, such as what a reader wrote down; most : of each kind
    """

    pixels: bool = False
    cause: str | None = None
    most: Annotated[int, Field(ge=1, le=12)] = 6


class Report(Block):
    """house_style : folder of a house style, relative to the protocol; copied into the run folder."""

    formats: tuple[Literal["pdf", "html", "card", "tables"], ...] = ("pdf", "html", "card", "tables")
    question: str | None = None
    site: str | None = None
    house_style: str | None = None
    gallery: Gallery | None = None


class StudyProtocol(Block):
    schema_version: Literal["1"]
    id: str
    version: str
    title: str
    profile: Literal["acceptance", "submission", "comparison"]
    intended_use: str
    task: Literal["classification", "multiclass", "multilabel", "ordinal", "segmentation", "detection"]
    seed: Annotated[int, Field(ge=0)]
    data_are_synthetic: bool = False
    cohort: Cohort
    reference: Reference
    segmentation: Segmentation | None = None
    detection: Detection | None = None
    models: tuple[Model, ...] = Field(min_length=1)
    inference: Inference = Inference()
    endpoints: tuple[Endpoint, ...] = Field(min_length=1)
    strata: tuple[str, ...] = ()
    analyses: tuple[Analysis, ...] = ()
    acceptance: tuple[Criterion, ...] = ()
    comparisons: tuple[Comparison, ...] = ()
    multiplicity: Multiplicity | None = None
    resampling: Resampling = Resampling()
    claims: tuple[Claim, ...] = ()
    statements: Statements = Statements()
    report: Report = Report()
