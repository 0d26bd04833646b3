"""Every metric in a study of every task that it does not fit: refused with the reason, each at its own line."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

import validate
from validate.catalog import shipped_catalog
from validate.errors import DataError, ProtocolError
from validate.protocol.load import load_protocol
from validate.protocol.starter import starter
from validate.protocol.targets import FITTING
from validate.registry import load, names

ABOUT_ENDPOINTS = ("acceptance", "analyses", "comparisons", "sample_size", "multiplicity", "claims")


@pytest.mark.parametrize("task", FITTING)
def test_a_metric_of_another_task_is_refused_with_the_reason(tmp_path: Path, task: str) -> None:
    foreign = [name for name in names("metrics") if not load("metrics", name).tasks & FITTING[task]]
    assert len(foreign) > 50
    document = yaml.safe_load(starter(task, "table"))
    document["endpoints"] = [{"id": f"m{n}", "metric": name, "role": "secondary"} for n, name in enumerate(foreign)]
    path = tmp_path / "protocol.yaml"
    path.write_text(yaml.safe_dump({key: value for key, value in document.items() if key not in ABOUT_ENDPOINTS}))
    with pytest.raises(ProtocolError) as error:
        load_protocol(path, catalog=shipped_catalog())
    lines = [line for line in str(error.value).splitlines() if f"this study's task is {task}" in line]
    for number, name in enumerate(foreign):
        own = [line for line in lines if f"endpoints[{number}].metric: " in line]
        assert len(own) == 1, name
        assert load("metrics", name).title in own[0]


@pytest.mark.parametrize(
    ("metric", "task"), [("mean.dice", "classification"), ("afroc", "segmentation"), ("auroc", "detection")]
)
def test_a_notebook_is_told_the_same(metric: str, task: str) -> None:
    more = {"detection": {"marks": {"case": [1]}, "lesions": {"case": [1]}, "key": "case", "hit": None}}.get(task, {})
    more |= {"segmentation": {"scores": {"dice": "dice"}}, "classification": {"truth": "label", "score": "score"}}.get(
        task, {}
    )
    frame = {"case": [1, 2], "label": [0, 1], "score": [0.1, 0.9], "dice": [0.5, 0.6]}
    with pytest.raises(DataError, match=rf"metrics: no metric '{metric}'|no column"):
        validate.evaluate(frame, task=task, metrics=[metric], **more)
