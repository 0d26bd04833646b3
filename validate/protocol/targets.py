"""What a study asks of each case: one question, one for each class or finding, or one for each step of a scale.

Every number is of one target. Binary metrics are of a class against the rest, of a finding, or of a grade and above; metrics
of all classes together are of the target "all".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from validate.errors import ProtocolError
from validate.protocol.model import Model
from validate.protocol.reference import FindingLabel, Reference
from validate.protocol.schema import StudyProtocol

ALL = "all"
EACH = "each"
AT_LEAST = "at_least_"
# Metrics of which tasks fit a study's task: a class against the rest is a classification of its own.
FITTING = {
    "classification": frozenset({"classification"}),
    "multilabel": frozenset({"classification"}),
    "multiclass": frozenset({"classification", "multiclass"}),
    "ordinal": frozenset({"classification", "multiclass", "ordinal"}),
    "segmentation": frozenset({"segmentation"}),
    "detection": frozenset({"detection"}),
}
MEASURED = frozenset({"segmentation", "detection"})  # tasks whose cases are measured: there is no yes-or-no question
TOGETHER = frozenset({"multiclass", "ordinal"})  # metrics of these tasks are of all classes together
Kind = Literal["only", "class", "finding", "at_least", "all", "structure", "lesion"]


@dataclass(frozen=True, slots=True)
class Target:
    """name : as in tables and estimates      place : number of its class or grade      words : for a reader, or ""."""

    name: str
    kind: Kind
    words: str = ""
    place: int = 0


ALL_KINDS = Target(ALL, "all", "all classes")  # of lesions: COCO's means over classes


def written(value: object) -> str:
    """A label as text: 1, 1.0, "1" and "1.0" are one label, and so are true, True and "TRUE"."""
    text = str(value).strip()
    if text.casefold() in {"true", "false"}:
        return text.casefold()
    try:
        number = float(text)
    except ValueError:
        return text
    return str(int(number)) if number.is_integer() and not text[:1].isalpha() else text


def class_names(reference: Reference) -> tuple[str, ...]:
    """The classes or grades as text, in the protocol's order; empty where there are none."""
    listed = () if isinstance(reference.classes, dict) else reference.classes
    return tuple(written(value) for value in listed or reference.grades or ())


def structures(reference: Reference) -> dict[str, int]:
    """Of masks: the value of each structure; empty of any other reference."""
    return dict(reference.classes) if isinstance(reference.classes, dict) else {}


def mask_values(protocol: StudyProtocol) -> dict[str, int]:
    """The value of each structure or kind of lesion in a predicted mask: the reference's, or 1, 2, … in the protocol's order."""
    return structures(protocol.reference) or {
        target.name: place for place, target in enumerate(targets_of(protocol), start=1) if target.kind == "lesion"
    }


def label_columns(reference: Reference) -> tuple[str, ...]:
    """The columns of the reference table that hold labels."""
    if reference.findings is not None:
        return tuple(finding.label for finding in reference.findings.values())
    return (reference.label,) if reference.label is not None else ()


def finding_labels(reference: Reference) -> dict[str, FindingLabel]:
    """The findings by name; of a study of one question, that one under its column's name."""
    if reference.findings is not None:
        return dict(reference.findings)
    if reference.label is None or reference.positive is None:
        raise ProtocolError("reference: label and positive say what is true of a case; one of them is missing.")
    only = FindingLabel(
        label=reference.label,
        positive=reference.positive,
        negative=reference.negative,
        indeterminate_values=reference.indeterminate_values,
    )
    return {reference.label: only}


def targets_of(protocol: StudyProtocol) -> tuple[Target, ...]:
    """Every target of the study, the one of all classes last."""
    reference, names = protocol.reference, class_names(protocol.reference)
    match protocol.task:
        case "multiclass":
            classes = (
                Target(name, "class", f"{name.replace('_', ' ')} against the rest", place)
                for place, name in enumerate(names)
            )
            return (*classes, Target(ALL, "all", "all classes"))
        case "ordinal":
            steps = (
                Target(f"{AT_LEAST}{name}", "at_least", _or_above(name), place)
                for place, name in enumerate(names)
                if place
            )
            return (*steps, Target(ALL, "all", "all grades"))
        case "multilabel":
            return tuple(
                Target(name, "finding", name.replace("_", " "), place)
                for place, name in enumerate(reference.findings or {})
            )
        case "segmentation":
            return tuple(
                Target(name, "structure", name.replace("_", " "), place)
                for place, name in enumerate(structures(reference))
            )
        case "detection":
            kinds = names or tuple(structures(reference))
            return tuple(Target(name, "lesion", name.replace("_", " "), place) for place, name in enumerate(kinds))
        case _:
            return (Target(reference.label or "", "only"),)


def _or_above(grade: str) -> str:
    return f"grade {grade} or above" if grade.lstrip("-").isdigit() else f"{grade} or above"


def headline(protocol: StudyProtocol) -> Target:
    """The target that the first page, the curves and calibration speak of: one yes-or-no question, or a structure."""
    asked = [target for target in targets_of(protocol) if target.kind != "all"]
    if protocol.task == "classification" or (protocol.task in MEASURED and protocol.reference.headline is None):
        return asked[0]
    name = written(protocol.reference.headline)
    return next(target for target in asked if target.name == name)


def target_named(protocol: StudyProtocol, name: object) -> Target:
    """The target that an endpoint names; where it names none, all classes together, or the only question there is."""
    targets = targets_of(protocol)
    if name is None:
        return targets[-1] if targets[-1].kind == "all" else targets[0]
    if protocol.task == "detection" and name == ALL:
        return ALL_KINDS
    return next(target for target in targets if target.name == written(name))


def output_names(protocol: StudyProtocol) -> tuple[str, ...]:
    """What a model's several scores must be for: classes, grades or findings; empty where a case has one score."""
    if protocol.task == "multilabel":
        return tuple(protocol.reference.findings or {})
    return tuple(structures(protocol.reference)) or class_names(protocol.reference)


def scored(protocol: StudyProtocol, model: Model) -> tuple[str, ...]:
    """What the scores of this model are for, in the order of the protocol; the label's name where it gives one score."""
    several = model.output.columns is not None or protocol.task in MEASURED
    return output_names(protocol) if several else label_columns(protocol.reference)[:1]
