"""What `analyses: fairness` and criteria on gaps must say."""

from __future__ import annotations

from pathlib import Path

import pytest

from validate.catalog import shipped_catalog
from validate.errors import ProtocolError
from validate.protocol.load import load_protocol

TEXT = (Path(__file__).parents[2] / "protocols" / "gallery" / "cxr-findings.yaml").read_text()
GAP = "{endpoint: sensitivity.effusion, gap_of: sex, rationale: Both sexes are to be served alike.}"
PROBLEMS = [
    ("attributes: [sex]", "attributes: [gender]", "analyses[0].fairness.attributes[0]: 'gender' is not among the strata"),
    ("attributes: [sex]", "attributes: [sex, sex]", "attributes[1]: 'sex' stands twice"),
    ("attributes: [sex]", "attributes: []", "analyses[0].fairness.attributes"),
    ("endpoints: [sensitivity.effusion, auroc.effusion]", "endpoints: [sensitivity]", "no endpoint 'sensitivity'"),
    ("endpoints: [sensitivity.effusion, auroc.effusion]", "endpoints: [auroc.effusion]", "is not among the endpoints of analyses"),
    ("margin: 0.15", "margin: 1.5", "got 1.5, but no two values of"),
    ("margin: 0.15", "margin: 0", "analyses[0].fairness.margin"),
    ("      margin: 0.15\n", "", "gap_of: needs a margin in analyses: fairness, with its rationale"),
    ("      rationale: A gap of one in seven findings would be seen and acted on in audit.\n", "", "a margin needs a reason"),
    ("      margin: 0.15", "      reference: {site: A}\n      margin: 0.15", "no attribute 'site'; attributes are 'sex'"),
    ("      margin: 0.15", "      reference: {site: A}\n      margin: 0.15", "names no group of sex"),
    ("      margin: 0.15", "      intersections: [[sex, site]]\n      margin: 0.15", "intersections[0]: no attribute 'site'"),
    (GAP, GAP.replace("gap_of: sex", "gap_of: site"), "acceptance[1].gap_of: no attribute 'site'"),
    (GAP, GAP.replace("gap_of: sex", "gap_of: sex, at_least: 0.8, limit: lower"), "does not go with gap_of"),
    (GAP, GAP.replace("Both sexes are to be served alike.", "''"), "say why the groups must not differ more"),
    ("limit: lower, at_least: 0.75,", "at_least: 0.75,", "judged by the lower limit"),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "message"), PROBLEMS)
def test_what_does_not_fit_is_said(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    path = tmp_path / "p.yaml"
    path.write_text(TEXT.replace(old, new))
    with pytest.raises(ProtocolError) as caught:
        load_protocol(path, catalog=shipped_catalog())
    assert message in str(caught.value)


def test_a_gap_without_the_analysis_is_refused(tmp_path: Path) -> None:
    start, end = TEXT.index("analyses:\n"), TEXT.index("acceptance:\n")
    path = tmp_path / "p.yaml"
    path.write_text(TEXT[:start] + TEXT[end:])
    with pytest.raises(
        ProtocolError,
        match="needs analyses: fairness, or scanner_shift, with this attribute",
    ):
        load_protocol(path, catalog=shipped_catalog())
