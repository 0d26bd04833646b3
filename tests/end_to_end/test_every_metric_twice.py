"""Whatever a protocol may measure is counted a second, independent way, in Python and in R: a new measure without it fails here."""

from __future__ import annotations

import csv
import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

import validate
from validate.canonical import file_digest
from validate.evidence.lock_fit import lock_differences
from validate.evidence.recount import recount
from validate.evidence.recount_findings import _leaves, why_not
from validate.evidence.recount_table import Table, read_table
from validate.evidence.recount_tables import FOLDER
from validate.phantoms.cardiac_sample import write_cardiac
from validate.registry import load, names

BASE: dict[str, Any] = {
    "schema_version": "1", "id": "every", "version": "1.0.0", "title": "Every measure", "profile": "comparison",
    "intended_use": "Practice.", "seed": 1, "data_are_synthetic": True,
    "cohort": {
        "sources": [{"table": "cases.csv", "key": "case_id", "patient": "patient_id"}],
        "unit": "image", "cluster": "patient", "sampling": "enriched", "prevalence": {"values": [0.02, 0.1], "source": "By hand"},
    },
    "inference": {"on_failure": "worst_case"}, "strata": ["sex", "site"],
    "resampling": {"replicates": 200, "at_most": 200}, "report": {"formats": ["html"]},
}  # fmt: skip
PLACES = Path(__file__).parents[1] / "evidence/places_not_counted.txt"
CLASSES = ("none", "bleed", "infarct")


def of_task(task: str) -> list[str]:
    return [name for name in names("metrics") if task in load("metrics", name).tasks]


def endpoints(task: str, **more: Any) -> list[dict[str, Any]]:
    """One for each measure of a task."""
    found = []
    for number, name in enumerate(of_task(task)):
        metric = load("metrics", name)
        one = {"id": f"m{number}", "metric": name, "role": "secondary", **more}
        found.append(one | ({"options": dict(metric.example)} if metric.example else {}))
    return found


def held_against(one: list[dict[str, Any]], by: str) -> list[dict[str, Any]]:
    """Groups and sites, each with the mix of the other put to it, by every measure."""
    named = [endpoint["id"] for endpoint in one]
    return [
        {"fairness": {"attributes": ["sex"], "endpoints": named, "adjust_for": [by]}},
        {"scanner_shift": {"by": by, "endpoints": named, "adjust_for": ["sex"]}},
    ]


def write(folder: Path, name: str, header: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    with (folder / name).open("w", newline="") as handle:
        csv.writer(handle).writerows([header, *rows])


def cases(count: int) -> list[tuple[str, str, str, str]]:
    return [(f"C{i:03d}", f"P{i // 2:03d}", "FM"[i // 2 % 2], f"S{i // 2 % 3}") for i in range(count)]


def model(name: str, **more: Any) -> dict[str, Any]:
    return {
        "id": name, "name": name, "version": "1", "format": "predictions", "path": f"{name}.csv", "key": "case_id",
        "output": {"activation": "none", "kind": "probability"}, **more,
    }  # fmt: skip


def yes_or_no(folder: Path) -> Path:
    """Two models with scores that tie and cases that they left out, not the same ones; gaps between groups; a comparison."""
    rng, rows = np.random.default_rng(4), cases(260)
    label = rng.random(len(rows)) < 0.4
    write(
        folder, "cases.csv", ("case_id", "patient_id", "sex", "site", "label"),
        [(*row, int(one)) for row, one in zip(rows, label, strict=True)],
    )  # fmt: skip
    for place, name in enumerate("ab"):
        score = 1 / (1 + np.exp(-(rng.normal(size=len(rows)) + 1.4 * label - 0.8)))
        digits = 2 if place == 0 else 4  # ties; and more distinct values than a smooth curve has places
        write(
            folder, f"{name}.csv", ("case_id", "score"),
            [(row[0], round(float(one), digits)) for n, (row, one) in enumerate(zip(rows, score, strict=True)) if n % 40 != place],
        )  # fmt: skip
    point = {"operating_point": {"threshold": 0.5, "source": "by hand"}, "score": "score"}
    asked = endpoints("classification")
    by_name = {one["metric"]: one["id"] for one in asked}
    named = [by_name[f"classification.{name}"] for name in ("sensitivity", "auroc", "brier", "ece")]
    protocol = {
        **BASE, "task": "classification",
        "reference": {"table": "cases.csv", "key": "case_id", "level": "image", "label": "label", "positive": 1, "standard": "By lot"},
        "models": [model("a", **point), model("b", **point)],
        "endpoints": asked,
        "analyses": [
            {"fairness": {"attributes": ["sex", "site"], "endpoints": named, "reference": "largest", "margin": 0.1, "rationale": "r"}},
            {"scanner_shift": {"by": "site", "endpoints": list(by_name.values()), "adjust_for": ["sex"]}},
        ],
        "comparisons": [
            {"test": "a", "reference": "b", "endpoint": named[1], "hypothesis": "noninferiority", "margin": 0.1, "rationale": "r"},
            {"test": "a", "reference": "b", "endpoint": named[0], "hypothesis": "superiority", "rationale": "r"},
        ],
    }  # fmt: skip
    return written(folder, protocol)


def classes(folder: Path) -> Path:
    rng, rows = np.random.default_rng(5), cases(160)
    true = rng.integers(0, 3, len(rows))
    write(
        folder, "cases.csv", ("case_id", "patient_id", "sex", "site", "label"),
        [(*row, CLASSES[one]) for row, one in zip(rows, true, strict=True)],
    )  # fmt: skip
    raw = np.exp(rng.normal(size=(len(rows), 3)) + 1.3 * np.eye(3)[true])
    shares = np.round(raw / raw.sum(axis=1, keepdims=True), 6)
    write(
        folder, "a.csv", ("case_id", *CLASSES),
        [(row[0], *one.tolist()) for n, (row, one) in enumerate(zip(rows, shares, strict=True)) if n % 50],
    )  # fmt: skip
    one = model("a", scores={name: name for name in CLASSES}, operating_point={"rule": "argmax", "source": "by hand"})
    one["output"] |= {"columns": list(CLASSES)}
    reference = {"table": "cases.csv", "key": "case_id", "level": "image", "label": "label", "classes": list(CLASSES)}
    return written(folder, {
        **BASE, "task": "multiclass", "models": [one], "reference": {**reference, "headline": "bleed", "standard": "By lot"},
        "analyses": held_against(endpoints("multiclass"), "site"),
        "endpoints": [*endpoints("multiclass"), {
            "id": "found", "metric": "classification.sensitivity", "target": "each", "role": "secondary",
        }],
    })  # fmt: skip


def grades(folder: Path) -> Path:
    rng, rows = np.random.default_rng(6), cases(160)
    true = rng.integers(0, 4, len(rows))
    raw = np.exp(0.7 * rng.normal(size=(len(rows), 4)) - 0.8 * np.abs(np.arange(4) - true[:, None]))
    shares = np.round(raw / raw.sum(axis=1, keepdims=True), 6)
    header = ("case_id", "patient_id", "sex", "site", "grade")
    write(folder, "cases.csv", header, [(*row, int(one)) for row, one in zip(rows, true, strict=True)])
    write(
        folder, "a.csv", ("case_id", *(f"p{n}" for n in range(4))),
        [(row[0], *one.tolist()) for n, (row, one) in enumerate(zip(rows, shares, strict=True)) if n % 50],
    )  # fmt: skip
    one = model("a", scores={n: f"p{n}" for n in range(4)}, operating_point={"rule": "argmax", "source": "by hand"})
    one["output"] |= {"columns": list(range(4))}
    reference = {"table": "cases.csv", "key": "case_id", "level": "image", "label": "grade", "grades": [0, 1, 2, 3]}
    reference |= {"headline": "at_least_2"}
    return written(folder, {
        **BASE, "task": "ordinal", "models": [one], "endpoints": endpoints("ordinal"),
        "reference": {**reference, "standard": "By lot"}, "analyses": held_against(endpoints("ordinal"), "site"),
    })  # fmt: skip


def boxes(folder: Path) -> Path:
    """Marks of two detectors, one of which left two cases out."""
    rng, rows = np.random.default_rng(7), cases(90)
    write(folder, "cases.csv", ("case_id", "patient_id", "sex", "site"), list(rows))
    lesions, marks = list[tuple[Any, ...]](), {"a": list[tuple[Any, ...]](), "b": list[tuple[Any, ...]]()}
    for case, *_ in rows:
        for _ in range(rng.poisson(1.1)):
            corner, size = rng.uniform(0, 400, 2), np.exp(rng.uniform(2.5, 5.3, 2))
            lesions.append((case, *corner.round(1), *size.round(1), "round" if rng.random() < 0.6 else "long"))
            for own in marks.values():
                if rng.random() < 0.8:
                    own.append(
                        (
                            case,
                            *(corner + rng.normal(0, 2, 2)).round(1),
                            *size.round(1),
                            round(float(rng.beta(5, 2)), 2),
                        )
                    )
        for own in marks.values():
            for _ in range(rng.poisson(0.8)):
                own.append((case, *rng.uniform(0, 400, 2).round(1), 20.0, 20.0, round(float(rng.beta(2, 4)), 2)))
    write(folder, "lesions.csv", ("case_id", "x", "y", "width", "height", "shape"), lesions)
    for name, own in marks.items():
        there = {row[0] for row in own}
        own += [(case, "", "", "", "", "") for case, *_ in rows if case not in there]
        left_out = {"C004", "C007"} if name == "a" else {"C007"}
        write(
            folder,
            f"{name}.csv",
            ("case_id", "x", "y", "width", "height", "score"),
            [r for r in own if r[0] not in left_out],
        )
    detectors = [
        {**model(name), "unlisted": "missing_output", "output": {"activation": "none", "kind": "boxes", "space": "pixels"},
         "operating_point": {"threshold": 0.5, "source": "by hand"}}
        for name in ("a", "b")
    ]  # fmt: skip
    cohort = {key: value for key, value in BASE["cohort"].items() if key != "prevalence"}
    return written(folder, {
        **BASE, "task": "detection", "models": detectors, "endpoints": endpoints("detection"), "cohort": cohort,
        "strata": ["sex", "site", "shape"], "analyses": held_against(endpoints("detection"), "site"),
        "reference": {
            "marks": "lesions.csv", "key": "case_id", "shape": "box", "space": "pixels", "unlisted": "no_lesion", "classes": ["nodule"],
            "level": "image", "standard": "By lot",
        },
        "detection": {
            "space": "pixels", "hit": {"criterion": "iou", "value": 0.3}, "repeated_hits": "ignore", "lesion_attributes": ["shape"],
        },
    })  # fmt: skip


def masks(folder: Path) -> Path:
    """Hearts of twelve patients, drawn by two models, one of which left a mask out: the gallery's protocol with every measure."""
    root = Path(__file__).parents[2]
    gallery = folder / "protocols/gallery"
    gallery.mkdir(parents=True)
    write_cardiac(folder / "sample_volumes/cardiac", seed=3, patients=12)
    (folder / "sample_volumes/cardiac/segmenter_a/H002_ES.nii.gz").unlink()
    shutil.copyfile(root / "protocols/gallery/cardiac-ventricles.yaml", gallery / "study.yaml")
    text = re.sub(r"formats: \[.*\]", "formats: [html]", (gallery / "study.yaml").read_text())
    protocol = yaml.safe_load(text.replace("replicates: 2000", "replicates: 200, at_most: 200"))
    protocol["segmentation"]["lesions"] = {
        "overlap": "iou", "threshold": 0.5, "inclusive": False, "connectivity": 26, "size_limits": [5, 10, 20, 40, 60],
    }  # fmt: skip
    protocol["endpoints"] = endpoints("segmentation", target="left_ventricle")
    for key in ("acceptance", "comparisons", "multiplicity", "sample_size", "claims", "analyses"):
        protocol.pop(key, None)
    protocol["strata"] = ["sex", "manufacturer"]
    protocol["analyses"] = held_against(
        [one for one in protocol["endpoints"] if one["metric"].split(".")[1] in {"mean", "at_least", "at_most"}],
        "manufacturer",
    )
    (gallery / "study.yaml").write_text(json.dumps(protocol))
    return gallery / "study.yaml"


INNER = [f"e{number}" for number in range(6)]


def later(folder: Path) -> Path:
    """A month after the acceptance: other patients, of another mix, some without a site; held against the accepted run."""
    for name, seed, shift in (("accepted", 8, 0.0), ("later", 9, 0.6)):
        place = folder / name
        place.mkdir()
        rng, rows = np.random.default_rng(seed), cases(120)
        label = rng.random(len(rows)) < 0.4
        age = rng.normal(55 + 8 * shift, 12, len(rows)).round(1)
        site = [row[3] if rng.random() < 0.8 else "" for row in rows]
        write(
            place, "cases.csv", ("case_id", "patient_id", "sex", "site", "age", "label"),
            [(f"{name}{row[0]}", f"{name}{row[1]}", row[2], site[n], age[n], int(label[n])) for n, row in enumerate(rows)],
        )  # fmt: skip
        score = 1 / (1 + np.exp(-(rng.normal(size=len(rows)) + 1.4 * label - 0.8 + shift)))
        inner = rng.normal(size=(len(rows), 4)) @ np.random.default_rng(5).normal(size=(4, 6)) + shift
        write(
            place,
            "a.csv",
            ("case_id", "score", *INNER),
            [
                (f"{name}{row[0]}", round(float(s), 4), *("" if n == 3 else round(float(x), 5) for x in inner[n]))
                for n, (row, s) in enumerate(zip(rows, score, strict=True))
            ],
        )
        output = {"activation": "none", "kind": "probability", "embedding": {"columns": INNER}}
        analyses = [] if name == "accepted" else [
            {"shift": {"reference": "../accepted/run", "endpoints": ["auroc", "brier"], "tolerance": 0.1, "rationale": "r"}}
        ]  # fmt: skip
        path = written(place, {
            **BASE, "task": "classification", "analyses": analyses,
            "models": [model("a", score="score", operating_point={"threshold": 0.5, "source": "by hand"}, output=output)],
            "reference": {
                "table": "cases.csv", "key": "case_id", "level": "image", "label": "label", "positive": 1, "standard": "By lot",
            },
            "endpoints": [
                {"id": name, "metric": f"classification.{name}", "role": "secondary"} for name in ("auroc", "brier", "sensitivity")
            ],
        })  # fmt: skip
        if name == "accepted":
            validate.run(path, out=place / "run")
    return path


def written(folder: Path, protocol: dict[str, Any]) -> Path:
    (folder / "protocol.yaml").write_text(json.dumps(protocol))  # JSON is YAML, and has no aliases
    return folder / "protocol.yaml"


STUDIES = {
    "classification": yes_or_no,
    "multiclass": classes,
    "ordinal": grades,
    "detection": boxes,
    "segmentation": masks,
    "shift": later,
}


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    return {}


@pytest.fixture(params=STUDIES)
def run(
    request: pytest.FixtureRequest, runs: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> tuple[str, Path]:
    """A finished run of each task; made once."""
    task = str(request.param)
    if task not in runs:
        folder = tmp_path_factory.mktemp(task)
        runs[task] = validate.run(STUDIES[task](folder), out=folder / "run").folder
    return task, runs[task]


def exempt_in(table: Table) -> set[str]:
    """Places of numbers that are not counted a second time, each list at its first."""
    leaves = {f"{one['analysis']}{leaf}" for one in table.findings for leaf in _leaves(one["data"], "")}
    return {re.sub(r"/\d+(?=/|$)", "/0", leaf) for leaf in leaves if why_not(leaf) is not None}


@pytest.mark.slow
def test_every_measure_is_counted_a_second_way_and_agrees(run: tuple[str, Path]) -> None:
    task, folder = run
    table = read_table(folder)
    measured = {one["metric"] for one in table.estimates if one["value"] is not None}
    if task == "shift":
        kinds = {(one["contrast"] or {}).get("kind") for one in table.estimates if one["value"] is not None}
        assert kinds >= {"shift", "since_accepted"}
        (found,) = (
            one for one in json.loads((folder / "findings.json").read_text())["findings"] if one["analysis"] == "shift"
        )
        # four that spread alike in both cohorts, and the offset of the later one
        assert found["data"]["embedding"]["components"] == 5 and "Embedding, component 5" in found["statement"]
    # of lesions there are some sizes in this study, and not others
    assert [name for name in of_task(task) if name not in measured and "_of_size." not in name] == []
    found = recount(folder)
    assert (found.differences, found.unknown) == ((), ())
    assert exempt_in(table) - set(PLACES.read_text().splitlines()) == set(), "add these to the list"
    assert found.checked == found.of > 40


@pytest.mark.slow
@pytest.mark.parametrize("run", ["shift"], indirect=True)
def test_the_cohort_that_is_held_against_is_part_of_the_lock(run: tuple[str, Path], tmp_path: Path) -> None:
    _, folder = run
    accepted = file_digest(folder.parent / "accepted/run/evidence/manifest.json")
    frozen = json.loads((folder / "lock.json").read_text())["reference"]["shift"]
    assert frozen == {"kind": "run", "sha256": accepted, "cases": len(cases(120))}
    copy = Path(shutil.copytree(folder, tmp_path / "copy"))
    told = json.loads((copy / "shift/reference.json").read_text())
    (copy / "shift/reference.json").write_text(json.dumps({**told, "sha256": "0" * 64}))
    events = [json.loads(line) for line in (copy / "evidence/audit.jsonl").read_text().splitlines()]
    assert lock_differences(folder, events) == []
    assert lock_differences(copy, events) == ["shift/reference.json: is not what lock.json froze"]


@pytest.mark.services
def test_every_measure_is_counted_in_r_and_a_change_of_any_is_named(run: tuple[str, Path], tmp_path: Path) -> None:
    _, folder = run
    place = Path(shutil.copytree(folder / FOLDER, tmp_path / "recount"))
    done = in_r(place)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    of = sum(one["value"] is not None for one in read_table(folder).estimates)
    assert f"{of} estimates counted again, 0 differ" in done.stdout
    lines = (place / "estimates.csv").read_text().splitlines()
    at = lines[0].split(",").index("value")
    for number, line in enumerate(lines[1:], 1):
        cells = line.split(",")
        if cells[at]:  # the first line of each estimate
            cells[at] = repr(float(cells[at]) + 0.001)
            lines[number] = ",".join(cells)
    (place / "estimates.csv").write_text("\n".join(lines) + "\n")
    done = in_r(place)
    assert (done.returncode, done.stdout.count(" value : stored ")) == (1, of)


def in_r(place: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["Rscript", "recount.R"], cwd=place, capture_output=True, text=True, timeout=120, check=False)
