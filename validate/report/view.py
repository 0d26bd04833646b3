"""Evidence → words and numbers as printed: all rounding of the report is here. Computes nothing else.

Each function takes Nodes, so that what it prints carries its address. What has no value is printed as words with
the reason: never NaN, None, or an empty cell.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from validate.analyses.wording import PLAIN, UNITS, bare, plural, printed_goal
from validate.analyses.wording import printed as rounded
from validate.report.printed import Printed, joined, printed
from validate.report.sealed import Node

MINUS = "−"
JOINER = "\u2060"  # no line break at an en dash
NOT_SAID = "not stated"


def words(node: Node, absent: str = NOT_SAID) -> Printed:
    """The value as it stands; `absent` where there is none."""
    if not node:
        return Printed(printed(absent, node.address).pieces, absent=True)
    value = node.value
    if isinstance(value, bool):
        return printed("yes" if value else "no", node.address)
    if isinstance(value, list):
        return joined((words(item) for item in node), ", ")
    if isinstance(value, dict):
        return joined((printed(key, inner.name_address) + " " + words(inner) for key, inner in node.items()), ", ")
    return printed(f"{value:.10g}".replace("-", MINUS) if isinstance(value, float) else str(value), node.address)


def choice(node: Node, words_for: Mapping[str, str]) -> Printed:
    """One of a closed list of codes, in the words that go with it; the code itself where there are none."""
    return printed(words_for.get(node.text, node.text or NOT_SAID), node.address)


def count(node: Node, noun: str = "", absent: str = "not counted") -> Printed:
    """As in "1,274", or "1,274 images"; `noun` is in the singular."""
    if not isinstance(node.value, int | float):
        return words(Node(node.file, node.path, None), absent)
    text = f"{node.value:,.0f}".replace("-", MINUS)
    return printed(text, node.address) + (f" {noun_for(node, noun)}" if noun else "")


def more(node: Node, shown: int) -> Printed:
    """How many entries there are besides those that are shown."""
    return printed(f"{len(node) - shown:,}", node.length_address(shown))


def noun_for(node: Node, noun: str) -> str:
    """The noun in the form that goes with this count."""
    *adjectives, last = noun.split(" ")
    return noun if node.value == 1 else " ".join([*adjectives, plural(2, last)])


def number(node: Node, unit: str = "index", *, against: float | None = None, absent: str = "not defined") -> Printed:
    """As in "88.5%" for a proportion, "0.926" for an index; "<0.001" rather than a zero that is none."""
    if not isinstance(node.value, int | float) or isinstance(node.value, bool):
        return words(Node(node.file, node.path, None), absent)
    return printed(_rounded(float(node.value), unit, against, exact=True), node.address)


def share(node: Node, places: int | None = None) -> Printed:
    """A proportion that is no estimate, such as a prevalence: "8%", "2.5%"."""
    if not isinstance(node.value, int | float):
        return words(Node(node.file, node.path, None), "not stated")
    text = f"{100 * node.value:.4g}" if places is None else f"{100 * node.value:.{places}f}"
    return printed(f"{text}%", node.address)


def limits(interval: Node, unit: str, *, against: float | None = None) -> Printed:
    """As in "85.2–91.2" (percent without its sign), "0.909–0.942", "−0.152 to −0.035"; empty where there is no interval."""
    low, high = interval["low"], interval["high"]
    if low.value is None or high.value is None:
        return Printed()
    between = " to " if low.value < 0 or high.value < 0 else f"{JOINER}–{JOINER}"
    texts = [bare(_rounded(float(end.value), unit, against)) for end in (low, high)]
    if unit == "index" and low.value < 1 and texts[0] == "1.000":
        texts[0] = ">0.999"  # inwards of everything, as the value beside it
    if unit == "index" and high.value > 0 and texts[1] == "0.000":
        texts[1] = "<0.001"
    return joined((printed(text, end.address) for text, end in zip(texts, (low, high), strict=True)), between)


def estimate(node: Node, *, against: float | None = None) -> Printed:
    """As in "88.5% (85.2–91.2)", or why there is no number or no limits."""
    if not node:
        return Printed(printed("not in this evidence").pieces, absent=True)
    if node["value"].value is None:
        return not_defined(node)
    unit = node["unit"].text
    value = number(node["value"], unit, against=against)
    between = limits(node["interval"], unit, against=against)
    return value + (" (" + between + ")" if between else " (" + _why_no_limits(node) + ")")


def brief(node: Node, *, against: float | None = None) -> Printed:
    """As `estimate`, but without the reason for what there is not, for tables that give reasons below."""
    if not node or node["interval"]:
        return estimate(node, against=against)
    if node["value"].value is None:
        return Printed(printed("not defined", node["status"].address).pieces, absent=True)
    absent = "too few for limits" if node["status"].text == "too_few" else "no limits"
    return value_only(node, against=against) + " (" + printed(absent, node["status"].address) + ")"


def why_no_limits(node: Node) -> Printed:
    """The reason that `brief` leaves out; nothing where it leaves none out."""
    return words(node["reason"]) if node and not node["interval"] and node["reason"] else Printed()


def reasons(named: Iterable[tuple[Printed | str, Node]]) -> list[Printed]:
    """What has no limits, by the names given, and why: each reason once."""
    found: dict[str, tuple[dict[str, Printed], Printed]] = {}
    for name, node in named:
        why = why_no_limits(node)
        if why:
            found.setdefault(str(why), ({}, why))[0].setdefault(str(name), printed(name))
    return [enumerated(list(names.values())) + ": " + why for names, why in found.values()]


def enumerated(names: Sequence[Printed]) -> Printed:
    """As in "a", "a and b", "a, b and c"."""
    first = joined(names[:-1], ", ")
    return first + " and " + names[-1] if first else joined(names[-1:], "")


def value_only(node: Node, *, against: float | None = None) -> Printed:
    """The estimate without its limits."""
    if not node or node["value"].value is None:
        return not_defined(node)
    return number(node["value"], node["unit"].text, against=against)


def limits_only(node: Node, *, against: float | None = None) -> Printed:
    """The limits, or why there are none."""
    unit = node["unit"].text
    between = limits(node["interval"], unit, against=against)
    return between + ("%" if unit == "proportion" else "") if between else _why_no_limits(node)


def not_defined(node: Node) -> Printed:
    """The reason, in words, with its address."""
    reason = words(node["reason"], "no reason recorded")
    return Printed((printed("not defined: ") + reason).pieces, absent=True)


def fraction(node: Node) -> Printed:
    """As in "478 / 540"; for what is no fraction, the number of rows it rests on."""
    if node["numerator"].value is None or node["denominator"].value is None:
        return count(node["n_cases"])
    return count(node["numerator"]) + " / " + count(node["denominator"])


def goal(criterion: Node, unit: str) -> Printed:
    """As in "lower limit ≥ 80%", "lower limit > 0 points" of a superiority, "both limits within ±5 points"."""
    if criterion["hypothesis"].text == "equivalence":
        edge = printed_goal(abs(float(criterion["goal"].value)), unit)
        return printed(f"both limits within ±{edge}", criterion["goal"].address)
    strict = criterion["hypothesis"].text == "superiority" and criterion["goal"].value == 0
    signs = (">", "<") if strict else ("≥", "≤")
    sign = signs[0] if criterion["direction"].text == "at_least" else signs[1]
    return words(criterion["limit"]) + f" limit {sign} " + goal_value(criterion["goal"], unit)


def goal_value(node: Node, unit: str) -> Printed:
    """As in "80%", "0.80": without places that the protocol does not have; empty where there is no goal."""
    if not isinstance(node.value, int | float):
        return Printed()
    return printed(printed_goal(float(node.value), unit).replace("-", MINUS), node.address)


def p_value(node: Node) -> Printed:
    """As in "p = 0.031", "p < 0.001"."""
    if not isinstance(node.value, int | float):
        return words(Node(node.file, node.path, None), "no p value")
    small = node.value < 0.001
    return printed("p ") + printed("<\u00a00.001" if small else f"=\u00a0{node.value:.3f}", node.address)


def difference(node: Node, unit: str, *, low: str = "low", high: str = "high") -> Printed:
    """As in "−9.3 points (−15.2 to −3.5)" of a proportion, "−0.093 (−0.152 to −0.035)" of an index."""
    if node["value"].value is None:
        return words(node["reason"], "not defined")
    value = signed(node["value"], unit)
    ends = [node[low], node[high]]
    if any(end.value is None for end in ends):
        return value
    return value + " (" + joined((signed(end, unit) for end in ends), " to ") + ")"


def limits_signed(node: Node, unit: str, *, low: str = "low", high: str = "high") -> Printed:
    """As in "−0.160 to −0.026": the ends of a difference."""
    ends = [node[low], node[high]]
    if any(end.value is None for end in ends):
        return printed("–")
    return joined((signed(end, unit) for end in ends), " to ")


def signed(node: Node, unit: str) -> Printed:
    """A difference with its sign and as many places as what it is of: "+0.8" percentage points of a proportion, "−0.093"."""
    scale, places, _ = UNITS.get(unit, PLAIN)
    text = f"{node.value * scale:+.{places}f}"
    return printed(text.replace("-", MINUS) if float(text) else text.lstrip("+-"), node.address)


def plain(node: Node, places: int, absent: str = "–") -> Printed:
    """A number that is no estimate, such as a design effect: "1.23"."""
    if not isinstance(node.value, int | float):
        return printed(absent)
    return printed(f"{node.value:.{places}f}".replace("-", MINUS), node.address)


def milliseconds(node: Node) -> Printed:
    """As in "12.30" from a number of seconds."""
    if not isinstance(node.value, int | float):
        return printed("–")
    return printed(f"{1000 * node.value:.2f}", node.address)


def gibibytes(node: Node) -> Printed:
    """As in "24.0 GiB" from a number of bytes."""
    if not isinstance(node.value, int | float):
        return words(node)
    return printed(f"{node.value / 2**30:.1f} GiB", node.address)


def level(interval: Node) -> Printed:
    """As in "95%"."""
    return share(interval["level"])


def decided(point: Node) -> Printed:
    """How scores become an answer where that is no single threshold; empty where it is, or nothing is stated."""
    if point["rule"].text == "argmax":
        return printed("the class with the highest score", point["rule"].address)
    if point["rule"].text == "top_k":
        return printed("what is among the ") + words(point["k"]) + " highest scores"
    if point["cuts"]:
        return printed("the score cut at ") + words(point["cuts"])
    return (
        printed("the score ") + rule(point["rule"]) + " " + words(point["thresholds"])
        if point["thresholds"]
        else Printed()
    )


def rule(node: Node) -> Printed:
    """As in "≥" where a protocol writes ">="."""
    return printed({">=": "≥", "<=": "≤"}.get(node.text, node.text), node.address)


def _rounded(value: float, unit: str, against: float | None, *, exact: bool = False) -> str:
    """Exact : what is not wholly nothing or everything does not look so."""
    text = rounded(value, unit, against=against)
    smallest = {
        "proportion": "0.1%", "proportion_difference": "0.1 points", "mm": "0.01 mm", "ml": "0.01 ml", "count": "0.01"
    }.get(unit, "0.001")  # fmt: skip
    if exact and value != 0 and float(bare(text).replace(MINUS, "-")) == 0:
        return f"<{smallest}" if value > 0 else f">{MINUS}{smallest}"
    if exact and value < 1 and text in {"100.0%", "1.000"}:
        return ">99.9%" if unit == "proportion" else ">0.999"
    return text


def _why_no_limits(node: Node) -> Printed:
    absent = "too few for limits" if node["status"].text == "too_few" else "no limits"
    reason = node["reason"]
    return printed(f"{absent}: ") + words(reason) if reason else printed(absent, node["status"].address)
