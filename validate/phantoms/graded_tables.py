"""Three more studies without images: grades of retinopathy, findings on chest radiographs, and classes of stroke.

The truth put in: handheld fundus cameras blur what tells grades apart; consolidation and nodule are harder than effusion and
pneumothorax; ischaemia is harder than haemorrhage. Rows of one patient share a random effect.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from validate.phantoms.population import SITES
from validate.phantoms.stream import stream
from validate.phantoms.tables import write_csv
from validate.phantoms.vendors import MAKES

EYES = 2
RETINA_PATIENTS, RADIOGRAPHS, SCANS = 420, 700, 480
GRADES = (0.46, 0.20, 0.18, 0.10, 0.06)  # none, mild, moderate, severe, proliferative
CAMERAS = ("Tabletop A", "Tabletop B", "Handheld")
CAMERA_SPREAD = (0.9, 1.0, 2.6)
FINDINGS = {"effusion": (0.28, 2.6), "pneumothorax": (0.09, 2.8), "consolidation": (0.22, 1.7), "nodule": (0.12, 1.4)}
CLASSES = {"no_stroke": 0.56, "haemorrhage": 0.18, "ischaemia": 0.26}


def write_graded_tables(folder: Path, *, seed: int) -> None:
    """retinopathy.csv, findings.csv and stroke.csv: each with cases, truth and the outputs of a made-up model."""
    _retinopathy(folder, seed)
    _findings(folder, seed)
    _stroke(folder, seed)


def _retinopathy(folder: Path, seed: int) -> None:
    """Two eyes a patient; probabilities of five grades from a latent severity by an ordered logit. Three without output."""
    random = stream(seed, "retinopathy")
    worse = random.choice(len(GRADES), RETINA_PATIENTS, p=GRADES)
    grade = np.stack([worse, np.clip(worse - random.choice(2, RETINA_PATIENTS, p=(0.65, 0.35)), 0, 4)], axis=1)
    camera = random.choice(len(CAMERAS), RETINA_PATIENTS, p=(0.45, 0.30, 0.25))
    own = random.normal(0.0, 0.35, RETINA_PATIENTS)
    sex, age = random.choice(("F", "M"), RETINA_PATIENTS), random.integers(22, 88, RETINA_PATIENTS)
    noise = random.normal(0.0, 1.0, (RETINA_PATIENTS, EYES)) * np.array(CAMERA_SPREAD)[camera][:, None]
    latent = 1.9 * grade + own[:, None] + 0.8 * noise
    shares = _ordered(latent.ravel(), cuts=1.9 * np.arange(4, dtype=np.float64) + 0.95)
    silent = set(random.choice(RETINA_PATIENTS * EYES, 3, replace=False).tolist())
    rows = []
    for row in range(RETINA_PATIENTS * EYES):
        who, eye = divmod(row, EYES)
        numbers = [""] * 5 if row in silent else [f"{p:.6f}" for p in shares[row]]
        rows.append(
            (f"E{row:04d}", f"R{who:03d}", "RL"[eye], CAMERAS[camera[who]], str(sex[who]), str(age[who]),
             str(grade[who, eye]), *numbers)
        )  # fmt: skip
    names = ("image_id", "patient_id", "eye", "camera", "sex", "age", "grade", *(f"p{grade}" for grade in range(5)))
    write_csv(folder / "retinopathy.csv", names, rows)


def _ordered(latent: NDArray[np.float64], *, cuts: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, K) shares of an ordered logit."""
    below = 1.0 / (1.0 + np.exp(-1.8 * (cuts[None, :] - latent[:, None])))
    edges = np.concatenate([np.zeros((latent.size, 1)), below, np.ones((latent.size, 1))], axis=1)
    return np.diff(edges, axis=1)


def _findings(folder: Path, seed: int) -> None:
    """Several findings of one radiograph, each present or not, a few labels of two of them missing or indeterminate."""
    random = stream(seed, "findings")
    patients = np.sort(random.choice(560, RADIOGRAPHS))
    own = random.normal(0.0, 0.5, 560)
    make, site = random.choice(len(MAKES), RADIOGRAPHS), random.choice(len(SITES), 560, p=(0.40, 0.25, 0.35))
    sex = random.choice(("F", "M"), 560)
    truth, score = {}, {}
    for name, (share, apart) in FINDINGS.items():
        there = random.random(RADIOGRAPHS) < share
        logit = np.where(there, apart / 2, -apart / 2) - 1.2 + own[patients] + random.normal(0.0, 1.0, RADIOGRAPHS)
        truth[name], score[name] = there, 1.0 / (1.0 + np.exp(-logit))
    unread = {"consolidation": set(random.choice(RADIOGRAPHS, 12, replace=False).tolist())}
    unread["nodule"] = set(random.choice(RADIOGRAPHS, 9, replace=False).tolist())
    rows = []
    for row, who in enumerate(patients.tolist()):
        labels = [
            ("unclear" if row % 2 else "") if row in unread.get(name, ()) else str(int(truth[name][row]))
            for name in FINDINGS
        ]
        numbers = [f"{score[name][row]:.6f}" for name in FINDINGS]
        rows.append(
            (f"X{row:04d}", f"Q{who:03d}", str(sex[who]), MAKES[make[row]], SITES[site[who]], *labels, *numbers)
        )
    names = (
        "image_id",
        "patient_id",
        "sex",
        "manufacturer",
        "site",
        *FINDINGS,
        *(f"score_{name}" for name in FINDINGS),
    )
    write_csv(folder / "findings.csv", names, rows)


def _stroke(folder: Path, seed: int) -> None:
    """One scan a patient, one of three classes; probabilities by a softmax of noisy logits."""
    random = stream(seed, "stroke")
    names = tuple(CLASSES)
    true = random.choice(len(names), SCANS, p=list(CLASSES.values()))
    make, site = random.choice(len(MAKES), SCANS), random.choice(len(SITES), SCANS, p=(0.40, 0.25, 0.35))
    sex, age = random.choice(("F", "M"), SCANS), random.integers(31, 96, SCANS)
    strength = np.array([1.7, 2.1, 1.3])[true]
    logit = random.normal(0.0, 1.0, (SCANS, len(names))) + strength[:, None] * (np.arange(len(names)) == true[:, None])
    share = np.exp(logit) / np.exp(logit).sum(axis=1, keepdims=True)
    rows = [
        (f"S{row:04d}", f"T{row:03d}", str(sex[row]), str(age[row]), MAKES[make[row]], SITES[site[row]], names[true[row]],
         *(f"{p:.6f}" for p in share[row]))
        for row in range(SCANS)
    ]  # fmt: skip
    columns = (
        "scan_id",
        "patient_id",
        "sex",
        "age",
        "manufacturer",
        "site",
        "diagnosis",
        *(f"p_{name}" for name in names),
    )
    write_csv(folder / "stroke.csv", columns, rows)
