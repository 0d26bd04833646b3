"""`validate doctor`: what works on this machine, and what to install for what doesn't."""

from __future__ import annotations

import importlib.util
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Annotated, Literal

import typer

from validate.errors import ExitCode


@dataclass(frozen=True, slots=True)
class Symptom:
    """One thing looked at. `state` "broken" is in the way of a run; "absent" only narrows what can be done."""

    subject: str
    state: Literal["works", "absent", "broken"]
    detail: str
    remedy: str = ""


def command(as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:  # noqa: FBT002 (typer)
    """Say what works here: GPU, ONNX providers, decoders, PDF, name conflicts."""
    symptoms = list(examination())
    if as_json:
        import dataclasses

        from validate.canonical import pretty_json

        typer.echo(pretty_json([dataclasses.asdict(s) for s in symptoms]).decode(), nl=False)
    else:
        _print(symptoms)
    raise typer.Exit(ExitCode.MACHINE if any(s.state == "broken" for s in symptoms) else ExitCode.PASS)


def examination() -> Iterator[Symptom]:
    """Every symptom, in the order shown."""
    checks: tuple[Callable[[], Iterator[Symptom]], ...] = (
        _names,
        _packages,
        _onnx_providers,
        _accelerator,
        _decoders,
        _containers,
        _formats,
        _pdf,
        _space,
    )
    for check in checks:
        yield from check()


def _names() -> Iterator[Symptom]:
    for rival, harm in (
        ("configobj", "ships a top-level `validate` that shadows ours"),
        ("onnxruntime", "breaks CUDA"),
    ):
        try:
            found = version(rival)
        except PackageNotFoundError:
            continue
        yield Symptom(f"{rival} {found}", "broken", f"installed beside us: {harm}", f"pip uninstall {rival}")


def _packages() -> Iterator[Symptom]:
    for name in ("numpy", "numba", "pyarrow", "pydicom", "torch", "onnxruntime-gpu", "weasyprint"):
        try:
            yield Symptom(name, "works", version(name))
        except PackageNotFoundError:
            yield Symptom(name, "broken", "not installed", f"pip install {name}")


def _onnx_providers() -> Iterator[Symptom]:
    if importlib.util.find_spec("onnxruntime") is None:
        return
    import onnxruntime

    providers = [p.removesuffix("ExecutionProvider") for p in onnxruntime.get_available_providers()]
    yield Symptom("ONNX providers built in", "works", ", ".join(providers))


def _accelerator() -> Iterator[Symptom]:
    if shutil.which("nvidia-smi") is None:
        yield Symptom("GPU", "absent", "no NVIDIA driver found; models run on the processor", "")
        return
    import torch

    if torch.cuda.is_available():
        yield Symptom("GPU", "works", str(torch.cuda.get_device_name(0)))
    else:
        remedy = "install a CUDA build of torch and the extra: pip install 'validate-imaging[gpu]'"
        yield Symptom("GPU", "absent", "a driver is here, but this torch can't use it", remedy)


def _decoders() -> Iterator[Symptom]:
    from pydicom.pixels import get_decoder
    from pydicom.uid import (
        HTJ2KLossless,
        JPEG2000Lossless,
        JPEGBaseline8Bit,
        JPEGLosslessSV1,
        JPEGLSLossless,
        RLELossless,
    )

    for syntax in (RLELossless, JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless, JPEG2000Lossless, HTJ2KLossless):
        decoder = get_decoder(syntax)
        if decoder.is_available:
            yield Symptom(f"decode {syntax.name}", "works", ", ".join(sorted(decoder.available_plugins)))
        else:
            missing = "; ".join(decoder.missing_dependencies)
            yield Symptom(f"decode {syntax.name}", "absent", missing, "pip install 'pylibjpeg[all]' pyjpegls")


def _containers() -> Iterator[Symptom]:
    """Whether models in containers can be run here, or only their command lines be tried, as the tests then do."""
    from validate.models.container_engine import NAMES, engines

    found = engines()
    for engine in found:
        how = f"{engine.version}, without root" if engine.rootless and engine.name != "apptainer" else engine.version
        remedy = "boot with control groups of version 2, or run as root" if engine.narrows else ""
        yield Symptom(
            f"containers: {engine.name}", "works", f"{how}; {engine.narrows}" if engine.narrows else how, remedy
        )
    untried = [name for name in NAMES if name not in {engine.name for engine in found}]
    if found:
        for name in untried:
            why = "is here and does not answer" if shutil.which(name) else "is not here"
            yield Symptom(f"containers: {name}", "absent", f"{why}: only its command line is checked by the tests")
        return
    here = [name for name in NAMES if shutil.which(name)]
    detail = f"{' and '.join(here)} is here and does not answer" if here else f"none of {', '.join(NAMES)} is here"
    remedy = "start its daemon" if here else "apt-get install podman"
    yield Symptom(
        "containers",
        "absent",
        f"{detail}: models in containers can't be run, only their command line be checked",
        remedy,
    )


def _formats() -> Iterator[Symptom]:
    """Formats of models that need a package which not every installation has."""
    for name, package, extra in (
        ("monai_bundle", "monai", "monai"),
        ("kserve", "tritonclient", "kserve"),
        ("secrets from the keyring", "keyring", "credentials"),
    ):
        try:
            yield Symptom(f"models: {name}", "works", f"{package} {version(package)}")
        except PackageNotFoundError:
            remedy = f"pip install 'validate-imaging[{extra}]'"
            yield Symptom(f"models: {name}", "absent", f"{package} is not installed", remedy)


def _pdf() -> Iterator[Symptom]:
    try:
        import weasyprint
    except (ImportError, OSError) as error:
        remedy = "apt-get install libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core"
        yield Symptom("PDF", "broken", f"WeasyPrint can't load: {str(error).splitlines()[0]}", remedy)
        return
    yield Symptom("PDF", "works", f"WeasyPrint {weasyprint.__version__}")


def _space() -> Iterator[Symptom]:
    free = shutil.disk_usage(".").free
    state: Literal["works", "broken"] = "works" if free > 1 << 30 else "broken"
    yield Symptom(
        "disk", state, f"{free / (1 << 30):,.1f} GiB free here", "" if state == "works" else "free at least 1 GiB"
    )


def _print(symptoms: list[Symptom]) -> None:
    from rich.console import Console
    from rich.table import Table

    colour = {"works": "green", "absent": "yellow", "broken": "bold red"}
    table = Table(box=None, header_style="bold", pad_edge=False)
    for title in ("", "state", "detail", "what to do"):
        table.add_column(title, overflow="fold")
    for symptom in symptoms:
        table.add_row(symptom.subject, f"[{colour[symptom.state]}]{symptom.state}[/]", symptom.detail, symptom.remedy)
    Console().print(table)
