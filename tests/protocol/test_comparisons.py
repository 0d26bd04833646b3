"""Comparisons and families in a protocol: each rule is fed what breaks it, and its sentence is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from validate.catalog import shipped_catalog
from validate.errors import ProtocolError
from validate.protocol.load import load_protocol

GALLERY = Path(__file__).parents[2] / "protocols/gallery/cxr-two-models.yaml"
FIRST = "    endpoint: auroc\n    hypothesis: noninferiority\n    margin: 0.05\n"
PROBLEMS = [
    ("  - test: quick\n", "  - test: quik\n", "comparisons[0].test: no model 'quik'"),
    ("    reference: careful\n    endpoint: auroc", "    reference: quick\n    endpoint: auroc", "compared with itself"),
    (FIRST, FIRST.replace("auroc", "auc"), "comparisons[0].endpoint: no endpoint 'auc'"),
    (FIRST, FIRST.replace("    margin: 0.05\n", ""), "comparisons[0].margin: noninferiority needs a margin"),
    (FIRST, FIRST.replace("0.05", "1.0"), "no two values of Area under the ROC curve are so far apart"),
    (FIRST, FIRST.replace("0.05", "-0.05"), "comparisons[0].margin"),
    (FIRST, FIRST + "    interval: tango\n", "'tango' does not fit a difference of Area under the ROC curve"),
    (FIRST, FIRST.replace("auroc", "ppv"), "depends on prevalence and the sampling is enriched"),
    ("    endpoint: specificity\n", "    endpoint: auroc\n", "is compared already; one hypothesis decides"),
    ("    rationale: Half of the difference between two readers of the department would go unnoticed in practice.",
     "    rationale: ' '", "comparisons[0].rationale: is empty"),
    ("order: [auroc, sensitivity]", "order: [auroc, brier]", "multiplicity.order[1]: no compared endpoint 'brier'"),
    ("order: [auroc, sensitivity]", "order: [auroc, auroc]", "'auroc' stands twice"),
    ("order: [auroc, sensitivity]", "order: []", "multiplicity.order"),
    ("method: fixed_sequence", "method: bonferoni", "multiplicity.method"),
    (FIRST + "    alpha_one_sided: 0.025", FIRST + "    alpha_one_sided: 0.05", "the family has different alphas"),
    (FIRST + "    alpha_one_sided: 0.025", FIRST + "    alpha_one_sided: 0.5", "alpha_one_sided"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), PROBLEMS)
def test_what_makes_no_comparison_is_refused_with_a_sentence(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = GALLERY.read_text()
    assert old in text
    path = tmp_path / "p.yaml"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(ProtocolError) as caught:
        load_protocol(path, catalog=shipped_catalog())
    assert message in str(caught.value)


def test_a_metric_without_a_better_side_can_only_be_equivalent(tmp_path: Path) -> None:
    text = GALLERY.read_text().replace("metric: classification.specificity", "metric: classification.alert_rate")
    path = tmp_path / "p.yaml"
    path.write_text(text.replace("sampling: enriched", "sampling: consecutive"))
    with pytest.raises(ProtocolError, match="can only be tested for equivalence"):
        load_protocol(path, catalog=shipped_catalog())


def test_the_gallery_comparison_is_accepted_as_it_is() -> None:
    assert len(load_protocol(GALLERY, catalog=shipped_catalog()).protocol.comparisons) == 3
