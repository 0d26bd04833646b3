"""Numbers and names as a reader is told them: percentages with their sign, minus as a minus, singular and plural."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from validate.estimation.cluster_words import PLURALS as OF_CLUSTERS
from validate.estimation.estimate import Estimate
from validate.protocol.schema import StudyProtocol
from validate.protocol.segmentation import band_words
from validate.protocol.segmentation_problems import OF_SIZE
from validate.protocol.targets import targets_of
from validate.registry import load
from validate.results.levels import MISSING

if TYPE_CHECKING:
    from validate.metrics.metric import Metric

# unit → scale, decimals, sign; the others are plain numbers with three decimals
UNITS = {
    "proportion": (100.0, 1, "%"),
    "proportion_difference": (100.0, 1, " points"),
    **{f"{unit}{kind}": (1.0, 2, f" {unit}") for unit in ("mm", "ml") for kind in ("", "_difference")},
    **{f"count{kind}": (1.0, 2, "") for kind in ("", "_difference")},
}
PLAIN = (1.0, 3, "")
SIGNS = ("%", " points", " mm", " ml")
PLURALS = {
    **OF_CLUSTERS,
    "analysis": "analyses",
    "criterion": "criteria",
    "is": "are",
    "has": "have",
    "was": "were",
}
SMALL = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten")
EVENTS = {
    "cases": "",
    "positives": "positive ",
    "negatives": "negative ",
    "flagged": "flagged ",
    "unflagged": "unflagged ",
    "lesions": "",
}
AGREEMENT = {"Sensitivity": "Positive percent agreement", "Specificity": "Negative percent agreement"}
PLACES = {
    "manufacturer": "on {} scanners",
    "model": "on {} scanners",
    "scanner": "on scanner {}",
    "site": "at site {}",
    "age_band": "at age {}",
}
SEXES = {"f": "in female patients", "female": "in female patients", "m": "in male patients", "male": "in male patients"}


def plural(count: int, noun: str) -> str:
    """The noun in the form that goes with the count: 1 image, 0 images, 2 studies."""
    return noun if count == 1 else PLURALS.get(noun, f"{noun}s")


def count_of(count: int, noun: str) -> str:
    """Such as "1 image", "1,274 images", "0 studies"."""
    *adjectives, last = noun.split(" ")
    return " ".join([f"{count:,}", *adjectives, plural(count, last)])


def number_word(count: int) -> str:
    """Such as "two", and digits from eleven on."""
    return SMALL[count] if 0 <= count < len(SMALL) else f"{count:,}"


def listed(words: Iterable[str]) -> str:
    """Such as "a", "a and b", "a, b and c"."""
    *first, last = list(words) or [""]
    return f"{', '.join(first)} and {last}" if first else last


def printed(value: float, unit: str, *, against: float | None = None) -> str:
    """Such as "74.1%" or "0.926" (an index); more places where rounding would hide on which side of `against` it is."""
    scale, decimals, sign = UNITS.get(unit, PLAIN)
    while against is not None and decimals < 6 and _hides(value * scale, against * scale, decimals):
        decimals += 1
    text = f"{value * scale:.{decimals}f}"
    return f"{text if float(text) else text.lstrip('-')}{sign}".replace("-", "−")


def printed_goal(goal: float, unit: str) -> str:
    """Such as "65%" or "0.80": as a protocol writes it, without places it does not have."""
    if unit in UNITS:
        return f"{UNITS[unit][0] * goal:.10g}{UNITS[unit][2]}".replace("-", "−")
    return f"{goal:.2f}" if round(goal, 2) == goal else f"{goal:.10g}"


def printed_limits(low: float, high: float, unit: str, *, against: float | None = None) -> str:
    """Such as "60.9–84.0%" or "0.909–0.942"; with a minus in it, "−0.152 to −0.035"."""
    lower, upper = printed(low, unit, against=against), printed(high, unit, against=against)
    joint = " to " if low < 0 or high < 0 else "–"
    return f"{bare(lower)}{joint}{upper if unit == 'proportion' else bare(upper)}"


def bare(text: str) -> str:
    """Without its unit: "74.1" of "74.1%", "−3.1" of "−3.1 points"."""
    return next((text.removesuffix(sign) for sign in SIGNS if text.endswith(sign)), text)


def printed_estimate(estimate: Estimate, *, against: float | None = None) -> str:
    """Such as "74.1% (60.9–84.0%)", or what stands in its place."""
    if estimate.value is None:
        return f"not defined ({(estimate.reason or 'no reason given').rstrip('.')})"
    value = printed(estimate.value, estimate.unit, against=against)
    if estimate.interval is None:
        return f"{value} (too few for limits)"
    low, high = estimate.interval.low, estimate.interval.high
    return f"{value} ({printed_limits(low, high, estimate.unit, against=against)})"


def metric_of(estimate: Estimate) -> Metric:
    """The metric that an estimate is of."""
    metric: Metric = load("metrics", estimate.metric)
    return metric


def measure(estimate: Estimate, protocol: StudyProtocol) -> str:
    """The measure's title, and what it is of where there is a choice; against a comparator, as percent agreement."""
    title = titled(metric_of(estimate).title, estimate.condition)
    if (band := lesion_band(estimate.metric, protocol)) is not None:
        title = f"{title.partition(', ')[0]}, lesions of {band_words(*band)}"
    title = AGREEMENT.get(title, title) if protocol.reference.kind == "comparator" else title
    return of_target(title, protocol, estimate.target)


def lesion_band(metric: str, protocol: StudyProtocol) -> tuple[float, float | None] | None:
    """The sizes of lesions, in mm, that a metric of one size is of; None for any other metric."""
    name, _, band = metric.partition(f"{OF_SIZE}.size_")
    if name or not band or protocol.segmentation is None or protocol.segmentation.lesions is None:
        return None
    return protocol.segmentation.lesions.size_bands[int(band) - 1]


def titled(title: str, condition: Mapping[str, object]) -> str:
    """With the endpoint's options in the words that stand for them: "at least the goal" is "at least 0.85"."""
    goal, share, rate = condition.get("goal"), condition.get("share"), condition.get("rate")
    if isinstance(rate, int | float):
        title = title.replace("a rate of false marks", f"{rate:.10g} false mark{'' if rate == 1 else 's'} per case")
    if isinstance(goal, int | float):
        title = title.replace("the goal", f"{goal:.10g}")
    if isinstance(share, int | float):
        title = title.replace("Quantile", f"{100 * share:.10g}% quantile")
    return title


def of_target(title: str, protocol: StudyProtocol, target: str) -> str:
    """Such as "Sensitivity, grade 2 or above"; the title alone where there is one question, or all classes together."""
    found = next((one for one in targets_of(protocol) if one.name == target), None)
    return title if found is None or found.kind in {"only", "all"} else f"{title}, {found.words}"


def events_noun(estimate: Estimate, protocol: StudyProtocol) -> str:
    """What an estimate's precision hangs on, in the singular: "positive image"."""
    events = metric_of(estimate).events
    return "lesion" if events == "lesions" else f"{EVENTS[events]}{protocol.cohort.unit}"


def attribute_words(attribute: str) -> str:
    """Such as "age_band" is "age band"."""
    return attribute.replace("_", " ")


def group_phrase(stratum: Mapping[str, str]) -> str:
    """Such as "on Fujifilm scanners", "at site A", "where sex is not known"; empty for everybody."""
    return listed(_one_group(attribute, level) for attribute, level in stratum.items())


def sentence_case(text: str) -> str:
    """The text with a capital at its start."""
    return text[:1].upper() + text[1:]


def _one_group(attribute: str, level: str) -> str:
    if level == MISSING:
        return f"where {attribute_words(attribute)} is not known"
    if attribute == "sex" and level.lower() in SEXES:
        return SEXES[level.lower()]
    return PLACES.get(attribute, f"where {attribute_words(attribute)} is {{}}").format(level)


def _hides(value: float, against: float, decimals: int) -> bool:
    """Whether rounding puts the value on another side of `against`, or on it."""
    shown = round(value, decimals)
    return (value < against) != (shown < against) or (value > against) != (shown > against)
