"""Who is in, and what is true of them: do sources, rules, attributes and the reference fit together?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

from validate.protocol import file_names
from validate.protocol.acquisition import DERIVED_ATTRIBUTES
from validate.protocol.catalog import Catalog
from validate.protocol.cohort import AttributeSource, Rule
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.schema import StudyProtocol

OPERATORS = ("one_of", "none_of", "at_least", "at_most")
SOURCE_KINDS = ("dicom", "nifti", "table")
LEVELS = ("patient", "study", "series", "image", "lesion")  # coarse to fine


def cohort_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    cohort = protocol.cohort
    yield from _sources(protocol)
    if cohort.period is not None and cohort.period.from_ > cohort.period.to:
        yield Problem(("cohort", "period"), f"ends ({cohort.period.to}) before it begins ({cohort.period.from_})")
    if cohort.unit == "lesion":
        yield Problem(
            ("cohort", "unit"), f"unit '{cohort.unit}' is not built yet; there are image, series, study, patient"
        )
    known = known_attributes(protocol, catalog)
    for side in ("include", "exclude"):
        for index, rule in enumerate(getattr(cohort, side)):
            yield from rule_problems(rule, ("cohort", side, index), known)
    yield from _claimed(protocol, known)
    for name, attribute in cohort.attributes.items():
        yield from _attribute(name, attribute, ("cohort", "attributes", name), known)
    for index, value in enumerate(cohort.prevalence.values if cohort.prevalence else ()):
        if not 0 < value < 1:
            place = ("cohort", "prevalence", "values", index)
            yield Problem(place, f"got {value}, expected more than 0 and less than 1")


def _claimed(protocol: StudyProtocol, known: frozenset[str] | None) -> Iterator[Problem]:
    """What models are claimed for, and where the cause of an error stands."""
    for number, model in enumerate(protocol.models):
        for index, rule in enumerate(model.claimed_input):
            yield from rule_problems(rule, ("models", number, "claimed_input", index), known)
    gallery = protocol.report.gallery
    if gallery is not None and gallery.cause is not None and known is not None and gallery.cause not in known:
        yield Problem(("report", "gallery", "cause"), unknown("attribute", gallery.cause, known))


def _sources(protocol: StudyProtocol) -> Iterator[Problem]:
    kinds = set()
    for index, source in enumerate(protocol.cohort.sources):
        place: Place = ("cohort", "sources", index)
        named = [name for name in SOURCE_KINDS if getattr(source, name) is not None]
        if len(named) != 1:
            yield Problem(place, f"got {len(named)} of {', '.join(SOURCE_KINDS)}; a source is exactly one of them")
        elif source.images is not None and (named[0] != "table" or source.image is None):
            message = "is the folder of the files that a table names: say table, and its columns key, patient and image"
            yield Problem((*place, "images"), message)
        elif named[0] == "table" and (source.key is None or source.patient is None):
            yield Problem(place, "a table source names its columns: key (one row each) and patient (what is resampled)")
        elif named[0] == "nifti":
            yield from _names(source.names, place)
        kinds.update(named)
    if len(kinds) > 1:
        yield Problem(("cohort", "sources"), f"mixes {' and '.join(sorted(kinds))}; one study has one kind of source")


def _names(names: str | None, place: Place) -> Iterator[Problem]:
    if names is None:
        yield Problem(
            (*place, "names"), "is missing; NIfTI names no patient: say how files are called, '{patient}.nii.gz'"
        )
    elif wrong := file_names.problem(names):
        yield Problem((*place, "names"), wrong)
    elif "patient" not in file_names.fields(names):
        yield Problem((*place, "names"), f"got '{names}', which has no {{patient}}: patients are what is resampled")


def rule_problems(rule: Rule, place: Place, known: frozenset[str] | None) -> Iterator[Problem]:
    given = [name for name in OPERATORS if getattr(rule, name) is not None]
    if not given or (len(given) > 1 and set(given) != {"at_least", "at_most"}):
        yield Problem(place, f"got {' and '.join(given) or 'no operator'}, expected one of {', '.join(OPERATORS)}")
    if rule.at_least is not None and rule.at_most is not None and rule.at_least > rule.at_most:
        yield Problem(place, f"at_least {rule.at_least} is above at_most {rule.at_most}: nothing can meet both")
    if known is not None and rule.attribute not in known:
        yield Problem((*place, "attribute"), unknown("attribute", rule.attribute, known))


def _attribute(name: str, source: AttributeSource, place: Place, known: frozenset[str] | None) -> Iterator[Problem]:
    joined = [source.table, source.key, source.column]
    forms = sum((any(v is not None for v in joined), source.tag is not None, source.of is not None))
    if forms != 1:
        yield Problem(place, "expected one form: {table, key, column}, {tag}, {of, bands} or {of, by}")
        return
    if any(v is not None for v in joined) and None in joined:
        yield Problem(place, "a joined attribute names all three: table, key and column")
    if source.by is not None and source.bands is not None:
        yield Problem((*place, "by"), "stands beside bands; a number is cut into bands, a date into steps of time")
    elif source.of is not None:
        bands = source.bands or ()
        if source.by is None and (len(bands) < 2 or any(a >= b for a, b in pairwise(bands))):
            yield Problem((*place, "bands"), f"got {list(bands)}, expected at least two rising numbers")
        if source.of == name or (known is not None and source.of not in known):
            yield Problem((*place, "of"), unknown("attribute", source.of, (known or frozenset()) - {name}))


def known_attributes(protocol: StudyProtocol, catalog: Catalog) -> frozenset[str] | None:
    """Names a rule or a stratum may use; None where a table's columns decide, which only the cohort stage sees."""
    if any(source.table is not None for source in protocol.cohort.sources):
        return None
    named = {field for source in protocol.cohort.sources if source.names for field in file_names.fields(source.names)}
    harvested = catalog.attributes if any(source.dicom for source in protocol.cohort.sources) else frozenset[str]()
    if harvested:
        harvested |= DERIVED_ATTRIBUTES
    return harvested | protocol.cohort.attributes.keys() | (named - {"patient", "study"})


def reference_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    del catalog
    reference = protocol.reference
    if LEVELS.index(reference.level) > LEVELS.index(protocol.cohort.unit):
        yield Problem(
            ("reference", "level"),
            f"labels per {reference.level} are finer than rows per {protocol.cohort.unit}; rows must be as fine as labels",
        )
    if reference.negative is not None and reference.negative == reference.positive:
        yield Problem(("reference", "negative"), f"is the same as positive: {reference.positive!r}")
    if not reference.standard.strip():
        yield Problem(("reference", "standard"), "is empty; say how the truth was established")
