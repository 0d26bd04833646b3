"""Against a comparator only agreement is told: the report's own words claim no truth that nobody knows."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from validate.registry import load, names
from validate.report.render import _document, _study
from validate.report.standard import COMPARATOR, REFERENCE

OF_TRUTH = re.compile(
    r"sensitiv|specificit|\baccura|truly|\bmissed\b|false alarm|likelihood ratio|\bthe finding\b|\b(?:is|are|be|gets) right\b"
    r"|both (?:right|wrong)|under-diagnosed|R15 restates", re.IGNORECASE,
)  # fmt: skip
# What says itself that nobody knows, and what is of criteria or probabilities.
ALLOWED = (
    "agreement is reported, not accuracy", "Agreement with a comparator is not accuracy", "neither that it is met nor that it is missed",
    "nobody knows here which of them is right", "the comparator does not tell who has the finding", "slope 1 and a ratio of 1 are right",
    "0 is right", "1 is right",
)  # fmt: skip
SEALED = re.compile(r'<(\w+) data-address="[^"]*">.*?</\1>', re.DOTALL)


def own_words(html: str) -> str:
    """What the report says by itself: without values of the evidence, styles, scripts, addresses and the protocol's text."""
    for gone in (r"<style.*?</style>", r"<script.*?</script>", r"<pre.*?</pre>", r"<desc.*?</desc>"):
        html = re.sub(gone, " ", html, flags=re.DOTALL)
    html = SEALED.sub(" ", html)
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


@pytest.mark.parametrize("models", [("a",), ("a", "b")])
def test_against_a_comparator_the_report_speaks_of_agreement_everywhere(
    build: Callable[..., Path], models: tuple[str, ...]
) -> None:
    folder = build(kind="comparator", models=models, model_names=tuple(f"Model {m}" for m in models), followed=0)
    text = own_words(_document(_study(folder, None, None)).on_screen())
    start = text.index("Does OpacityNet") if "Does OpacityNet" in text else 0
    for words in ALLOWED:
        text = text.replace(words, " ")
    assert [text[max(start, m.start() - 60) : m.end() + 40] for m in OF_TRUTH.finditer(text)] == []


def test_against_a_reference_standard_the_words_are_the_usual_ones(build: Callable[..., Path]) -> None:
    text = own_words(_document(_study(build(), None, None)).on_screen())
    for words in ("with the finding are found", "Missed findings", "False alarms", "down the left column, sensitivity"):
        assert words in text


def test_every_explanation_of_a_metric_of_a_yes_or_no_answer_is_turned_into_agreement() -> None:
    explanations = {
        name: load("metrics", name).explanation
        for name in names("metrics")
        if name.startswith("classification.") and name.count(".") == 1
    }
    turned = {name: COMPARATOR.explained(words) for name, words in explanations.items()}
    assert {name: words for name, words in turned.items() if re.search(r"\bfindings?\b|gets right", words)} == {}
    assert turned["classification.sensitivity"] == (
        "Of the patients whom the comparator calls positive, the share that the model flags."
    )
    assert all(REFERENCE.explained(words) == words for words in explanations.values())
