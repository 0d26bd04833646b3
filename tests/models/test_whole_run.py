"""From protocol to report with models that prepare their own images: a container and a vendor's node, on the same cases."""

from __future__ import annotations

import json
import re
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

sys.path.insert(0, str(Path(__file__).parent))
from vendor_node import CODE, VendorNode, logit, report  # type: ignore[import-not-found]

import validate
from validate.evidence.verify import verify
from validate.numbers import recomputation

pytestmark = pytest.mark.slow  # a node that stays silent is waited for
Make = Callable[..., Any]
COUNT = 24
PROTOCOL = """
schema_version: "1"
id: black-boxes
version: 1.0.0
title: A container and a node
profile: acceptance
intended_use: Second reader.
task: classification
seed: 3
cohort:
  sources: [{dicom: images}]
  unit: image
  sampling: consecutive
reference: {table: reference.csv, key: patient_id, level: patient, label: bright, positive: 1, standard: by hand}
models:
  - id: boxed
    name: Boxed
    version: "1"
    format: container
    image: example.org/tiny@sha256:DIGEST
    gives: mha
    cases_per_run: 8
    output: {activation: sigmoid, kind: probability}
    operating_point: {threshold: 0.5, source: labelling}
  - id: remote
    name: Remote
    version: "1"
    format: dicom_node
    node: {host: 127.0.0.1, port: NODE, ae_title: VENDOR}
    listen: {port: OURS}
    answer: {kind: sr, measurement: {code: "9901", scheme: 99VENDOR}}
    seconds: 15
    settle: 0.1
    in_flight: 6
    output: {activation: sigmoid, kind: probability}
    operating_point: {threshold: 0.5, source: labelling}
endpoints:
  - {id: auroc, metric: classification.auroc, role: primary, interval: {method: bootstrap}}
acceptance:
  - {endpoint: auroc, model: boxed, limit: lower, at_least: 0.5, rationale: Better than chance.}
report: {formats: [html]}
"""


def _images(folder: Path, dicom: Make) -> None:
    draw = np.random.default_rng(8)
    rows = ["patient_id,bright"]
    folder.mkdir()
    for number in range(COUNT):
        bright = number % 2
        pixels = draw.integers(60 * bright, 140 + 60 * bright, (8, 8))
        uid = f"1.2.826.0.1.9.{number + 1}"
        dicom(
            folder / f"{number}.dcm", pixels, study=uid, series=f"{uid}.1", instance=f"{uid}.1.1",
            PatientID=f"P{number}", PatientAge="060Y", PatientSex="O", StudyDate="20250301", BodyPartExamined="CHEST",
        )  # fmt: skip
        rows.append(f"P{number},{bright}")
    (folder.parent / "reference.csv").write_text("\n".join(rows) + "\n")


def test_a_container_and_a_node_go_the_whole_way(recording_engine: Make, dicom: Make, tmp_path: Path) -> None:
    assert CODE == ("9901", "99VENDOR")
    recording_engine()
    _images(tmp_path / "images", dicom)
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port = int(one.getsockname()[1])
    silent_on = "1.2.826.0.1.9.3.1.1"
    node = VendorNode(
        ("127.0.0.1", port, "VALIDATE"),
        lambda image: [] if image.SOPInstanceUID == silent_on else [(0.0, report(image, logit(image)))],
    )
    words = {"DIGEST": "cd" * 32, "NODE": str(node.port), "OURS": str(port)}
    text = PROTOCOL
    for word, value in words.items():
        text = text.replace(word, value)
    (tmp_path / "study.yaml").write_text(text)
    try:
        run = validate.run(tmp_path / "study.yaml", out=tmp_path / "run")
    finally:
        node.close()
    units = pq.read_table(run.folder / "results/units.parquet").to_pylist()
    boxed = {row["unit"]: row for row in units if row["model"] == "boxed"}
    remote = {row["unit"]: row for row in units if row["model"] == "remote"}
    assert len(boxed) == len(remote) == COUNT
    failed = [row["failure"] for row in remote.values() if row["status"] != "ok"]
    assert failed == ["node_timeout"]
    for unit, row in remote.items():
        assert row["status"] != "ok" or row["score"] == pytest.approx(boxed[unit]["score"], rel=1e-4)
    trail = [json.loads(line) for line in (run.folder / "evidence/audit.jsonl").read_text().splitlines()]
    answers = [event["data"]["cases"] for event in trail if event["type"] == "node_answers"]
    assert sum(map(len, answers)) == COUNT
    assert verify(run.folder, recompute=recomputation).status == "VERIFIED"
    page = re.sub(r"<[^>]+>", "", (run.folder / "report/report.html").read_text())
    assert "Options of the format" in page
    assert "no network, no root" in page
    assert "the node's software was not seen" in page.replace("&#39;", "'")
    everything = b"".join(path.read_bytes() for path in run.folder.rglob("*") if path.is_file())
    assert b"1.2.826.0.1.9." not in everything, "a UID of a patient's image leaves in no file"
