"""The sample studies: a folder as a hospital would hand it over, made from a seed alone.

FOLDER/cxr/          DICOM files in one folder per accession, sites.csv, reference.csv: what a protocol reads
FOLDER/tables/       a study of predictions that were made elsewhere
FOLDER/cardiac/      hearts in NIfTI with masks, where asked for
FOLDER/nodules/      chests in DICOM series with a table of nodules, where asked for
FOLDER/truth.csv     what is in each file, mishaps included; no protocol reads it
FOLDER/MANIFEST.sha256
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from validate.errors import CommandError
from validate.phantoms import dicom_writer
from validate.phantoms.cardiac_sample import write_cardiac
from validate.phantoms.chest import Scene, frontal, lateral
from validate.phantoms.defects import with_defects
from validate.phantoms.graded_tables import write_graded_tables
from validate.phantoms.manifest import write_manifest
from validate.phantoms.nodule_sample import write_nodules
from validate.phantoms.population import INSTITUTIONS, SITES, Shot, population
from validate.phantoms.stream import stream
from validate.phantoms.tables import write_csv, write_tables
from validate.phantoms.vendors import MAKES, Film, Scanner, film, weakened

SEED = 20261122
PATIENTS = 280
PARTS = ("cxr", "tables")
VOLUMES = ("cardiac", "nodules")  # made where they are asked for: too large to be kept
FEWEST_PATIENTS = 40
_README = """# Sample studies

Synthetic. Nobody was X-rayed for these files, and the scanners' physics are invented: they say nothing about any
real product whose name is borrowed here to practise on. Every DICOM file says so itself: Synthetic Data
(0008,001C) is YES.

- `cxr/` chest radiographs as DICOM, one folder per accession number, with `sites.csv` and `reference.csv`
- `tables/` studies without images: `cases.csv` with `predictions.csv` and `follow_up.csv`; `retinopathy.csv` (grades), `findings.csv`
  (several findings) and `stroke.csv` (classes)
- `models/` a small classifier, trained on other phantoms by `python -m validate.phantoms.train`
- `truth.csv` what was put into each file, the deliberate defects included
- `MANIFEST.sha256` the digests of all files

Made again, byte for byte, by `validate sample sample_data --seed {seed}`. Licence: Apache-2.0, as the program.
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """Where a sample lies, and how much of it there is."""

    folder: Path
    files: int
    bytes: int


def write_sample(
    folder: Path,
    *,
    seed: int = SEED,
    weak_manufacturer: str | None = "Fujifilm",
    patients: int = PATIENTS,
    defects: bool = True,
    parts: tuple[str, ...] = PARTS,
    progress: Callable[[int, int], None] | None = None,
) -> Sample:
    """Write the sample studies into `folder`; equal arguments give equal bytes.

    weak_manufacturer : GE, Siemens, Philips or Fujifilm, whose scanners are then in poor order; None for no weakness
    patients, defects : of the images; the table study has its own 220 patients
    parts : of "cxr", "tables", "cardiac", "nodules"    progress : called with the number of exposures done and their total
    Raises CommandError for an unknown manufacturer or part, too few patients, or a part that is there already.
    """
    _refuse(folder, weak_manufacturer, patients, parts)
    if "cxr" in parts:
        _write_images(folder, seed, weak_manufacturer, patients, defects=defects, progress=progress)
    if "tables" in parts:
        write_tables(folder / "tables", seed=seed)
        write_graded_tables(folder / "tables", seed=seed)
    if "cardiac" in parts:
        write_cardiac(folder / "cardiac", seed=seed, progress=progress)
    if "nodules" in parts:
        write_nodules(folder / "nodules", seed=seed, progress=progress)
    folder.mkdir(parents=True, exist_ok=True)
    if set(parts) & set(PARTS):
        (folder / "README.md").write_text(_README.format(seed=seed), encoding="utf-8", newline="\n")
    files = write_manifest(folder)
    return Sample(folder, len(files), sum(path.stat().st_size for path in files))


def _write_images(
    folder: Path,
    seed: int,
    weak_manufacturer: str | None,
    patients: int,
    *,
    defects: bool,
    progress: Callable[[int, int], None] | None,
) -> None:
    shots = population(seed, patients)
    shots = with_defects(shots, seed) if defects else shots
    cxr = folder / "cxr"
    for done, shot in enumerate(shots, start=1):
        _write_shot(cxr, shot, seed, weak=shot.patient.make == weak_manufacturer)
        if progress is not None:
            progress(done, len(shots))
    if defects:
        _write_stray_text(cxr, shots)
    studies = {shot.accession: shot for shot in shots}
    sites = ((accession, SITES[shot.patient.site]) for accession, shot in studies.items())
    write_csv(cxr / "sites.csv", ("accession_number", "site"), sites)
    write_csv(cxr / "reference.csv", ("accession_number", "opacity"), _labels(studies.values()))
    write_csv(folder / "truth.csv", _TRUTH, (_truth(shot, weak_manufacturer) for shot in shots))


def scene(shot: Shot) -> Scene:
    """What this exposure's X-rays met."""
    if shot.view == "LL":
        return lateral(shot.patient.body, shot.pose)
    return frontal(shot.patient.body, shot.pose, shot.opacity)


def exposed(shot: Shot, seed: int, *, weak: bool) -> tuple[Scanner, Film]:
    """The exposure as its scanner stores it, and that scanner in the order it is in."""
    scanner = weakened(shot.scanner) if weak else shot.scanner
    random = stream(seed, "exposure", shot.patient.number, shot.study, shot.instance)
    return scanner, film(scene(shot), scanner, random)


def header(shot: Shot, seed: int) -> dicom_writer.Header:
    """What the hospital recorded with the exposure."""
    patient = shot.patient
    random = stream(seed, "header", patient.number, shot.study)
    born = shot.day - timedelta(days=int(patient.age * 365.25) + 40)
    hour, minute = int(random.integers(7, 19)), int(random.integers(60))
    return dicom_writer.Header(
        uid_seed=f"phantom-{seed}",
        patient_id=shot.patient_id,
        patient_name=patient.name,
        birth_date=f"{born:%Y%m%d}" if patient.age_known else "",
        sex=patient.sex,
        age=_age(patient.age) if patient.age_known and shot.scanner.model != "PCR Eleva" else "",
        accession_number=shot.accession,
        study_key=f"{patient.number}.{shot.study}",
        study_date=f"{shot.day:%Y%m%d}",
        study_time=f"{hour:02d}{minute:02d}{12 * shot.instance % 60:02d}",
        institution=INSTITUTIONS[patient.site],
        station=shot.station,
        manufacturer=shot.spelling,
        view=shot.view,
        instance=shot.instance,
        kvp=float(random.choice((85, 90) if shot.view == "AP" else (117, 120, 125))),
        exposure=int(random.integers(1, 5)),
    )


def _refuse(folder: Path, weak_manufacturer: str | None, patients: int, parts: tuple[str, ...]) -> None:
    if weak_manufacturer is not None and weak_manufacturer not in MAKES:
        raise CommandError(f"no manufacturer '{weak_manufacturer}' in the sample; choose one of {', '.join(MAKES)}")
    if patients < FEWEST_PATIENTS:
        raise CommandError(f"{patients} patients leave no room for the defects; ask for {FEWEST_PATIENTS} or more")
    if not parts or not set(parts) <= {*PARTS, *VOLUMES}:
        raise CommandError(f"parts of the sample are {', '.join((*PARTS, *VOLUMES))}; got {', '.join(parts) or 'none'}")
    for part in parts:
        if (folder / part).exists() and any((folder / part).iterdir()):
            raise CommandError(f"{folder / part} already holds files; name another folder, or remove it first")


def _age(years: float) -> str:
    """PS3.5 6.2, AS: months for the smallest."""
    return f"{int(years * 12):03d}M" if years < 2 else f"{int(years):03d}Y"


def _path(shot: Shot) -> Path:
    if shot.defect == "duplicate":  # as a CD import leaves it: another name, no suffix
        return Path(shot.accession, f"IM{shot.patient.number:06d}")
    return Path(shot.accession, f"{shot.instance:04d}.dcm")


def _write_shot(cxr: Path, shot: Shot, seed: int, *, weak: bool) -> None:
    path = cxr / _path(shot)
    scanner, exposure = exposed(shot, seed, weak=weak)
    dicom_writer.write(path, header(shot, seed), scanner, None if shot.defect == "no_pixel_data" else exposure)
    if shot.defect == "truncated":  # the transfer broke off within the pixels
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) - exposure.stored.nbytes // 5])


def _write_stray_text(cxr: Path, shots: list[Shot]) -> None:
    text = "Export finished with 1 warning. Please call the archive administrator before sending these on.\n"
    (cxr / shots[len(shots) // 2].accession / "export_log.dcm").write_text(text, encoding="utf-8", newline="\n")


def _labels(studies: Iterable[Shot]) -> Iterable[tuple[str, str]]:
    """One reading per study. Of the readings that are missing, every other is an empty field, the rest have no row."""
    missing = 0
    for shot in studies:
        if shot.label is not None:
            yield shot.accession, str(shot.label)
            continue
        missing += 1
        if missing % 2:
            yield shot.accession, ""


_TRUTH = ("file", "patient", "manufacturer", "model", "in_poor_order", "defect", "opacity", "radius_pixels", "strength")


def _truth(shot: Shot, weak_manufacturer: str | None) -> tuple[str, ...]:
    opacity = shot.opacity if shot.view != "LL" else None
    return (
        _path(shot).as_posix(),
        str(shot.patient.number),
        shot.patient.make,
        shot.scanner.model,
        "1" if shot.patient.make == weak_manufacturer else "0",
        shot.defect,
        "1" if opacity else "0",
        f"{opacity.radius * 64 * shot.pose.zoom:.2f}" if opacity else "",
        f"{opacity.strength:.3f}" if opacity else "",
    )
