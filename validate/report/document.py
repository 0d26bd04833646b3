"""The whole document: which sections, in which order, set with the templates and styles that ship beside the code."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from validate import __version__
from validate.analyses.wording import number_word
from validate.registry import load, names
from validate.report.figures.canvas import Figure
from validate.report.printed import Printed
from validate.report.section import Missing, Profile, Section
from validate.report.study import Study
from validate.report.view import words
from validate.resources import resource

LONGEST_NAME = 48
FONT = re.compile(r"url\((fonts/[\w.-]+\.woff2)\)")
ABSENT = "What this evidence does not hold"
KINDS = {"acceptance": "Acceptance test", "submission": "Validation report", "comparison": "Comparison of models"}


@dataclass(frozen=True, slots=True)
class Shown:
    """A section with its content. missing : why there is none."""

    section: Section
    content: Mapping[str, Any]
    missing: Missing | None

    @property
    def anchor(self) -> str:
        return f"section-{self.section.id.lower()}"


@dataclass(frozen=True, slots=True)
class Set:
    """A section as the frame of the report takes it."""

    id: str
    title: str
    heading: str
    anchor: str
    opens_page: bool
    body: Markup


def declared(profile: Profile) -> list[Section]:
    """Every section there is, in this profile's order."""
    found: list[Section] = [load("sections", name) for name in names("sections")]
    return sorted(found, key=lambda section: (section.place(profile), section.id))


def html_document(study: Study, sections: Sequence[Section], *, screen: bool) -> str:
    """The report as one self-contained document; for paper, the same words under another style sheet."""
    environment = _environment()
    shown = [_shown(section, study) for section in sections]
    contents = [one for one in shown if one.missing is None and one.section.question]
    absent = [one for one in shown if one.missing is not None]
    document = _document(study)
    common = {"study": study, "document": document, "contents": contents, "absent": absent}
    bodies = [
        Set(
            one.section.id, one.section.title, one.section.question, one.anchor, one.section.opens_page,
            _filled(environment, one.section.template, {**common, **one.content}),
        )
        for one in shown
        if one.missing is None
    ]  # fmt: skip
    if absent:
        body = _filled(environment, "absent.html.j2", common)
        bodies.append(Set("", "Sections without data", ABSENT, "section-absent", opens_page=False, body=body))
    script = resource("reports", "templates", "table.js").read_text(encoding="utf-8")
    return environment.get_template("report.html.j2").render(
        document=document, sections=bodies, screen=screen, style=_shipped(_style(screen=screen)),
        script=_shipped(script), policy=_policy(script),
    )  # fmt: skip


def _filled(environment: Environment, template: str, content: Mapping[str, Any]) -> Markup:
    return Markup(environment.get_template(template).render(**content))  # noqa: S704 (the environment escapes)


def _environment() -> Environment:
    return Environment(
        loader=FileSystemLoader(resource("reports", "templates")), autoescape=True, undefined=StrictUndefined,
        finalize=_only_what_was_rounded, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


def _only_what_was_rounded(value: Any) -> Any:
    """Numbers reach the page through validate.report.view only; None and NaN never do."""
    if not isinstance(value, str | Printed | Figure):
        raise TypeError(
            f"a template prints {value!r} ({type(value).__name__}); it must go through validate.report.view"
        )
    return value


def _shown(section: Section, study: Study) -> Shown:
    content = section.content(study)
    missing = content if isinstance(content, Missing) else None
    return Shown(section, {} if isinstance(content, Missing) else content, missing)


def _document(study: Study) -> dict[str, Any]:
    names_of_models = ", ".join(str(study.model_name(model)) for model in study.models)
    site = study.protocol["report"]["site"]
    kind = KINDS[study.profile]
    return {
        "question": study.question,
        "kind": kind,
        "report_id": study.report_id,
        "running_title": f"{_few(study)} · {kind.lower()}" + (f" at {words(site)}" if site else ""),
        "stamp": " · ".join(study.stamps),
        "exploratory": study.exploratory,
        "author": "validate",
        "subject": f"AI diagnostic-accuracy validation: {names_of_models}",
        "generator": f"validate {__version__}",
        "created": study.sealed.manifest["created"].text,
    }


def _shipped(text: str) -> Markup:
    """Text of our own files, which is set as it stands."""
    return Markup(text)  # noqa: S704 (no value of the evidence is in it)


def _few(study: Study) -> str:
    """The first model's name, and that there are others: a running head has one line."""
    first = str(study.model_name(study.models[0]))
    short = first if len(first) <= LONGEST_NAME else f"{first[:LONGEST_NAME].rstrip()}…"
    return short if len(study.models) == 1 else f"{short} and {number_word(len(study.models) - 1)} more"


def _style(*, screen: bool) -> str:
    folder = resource("reports", "styles")
    sheets = ("fonts.css", "report.css", "screen.css" if screen else "print.css")
    style = "\n".join((folder / sheet).read_text(encoding="utf-8") for sheet in sheets)
    return FONT.sub(lambda found: _embedded(folder / found.group(1)), style)


def _embedded(font: Path) -> str:
    return f"url(data:font/woff2;base64,{base64.b64encode(font.read_bytes()).decode()})"


def _policy(script: str) -> str:
    """Nothing is loaded from anywhere, and no script runs but the one that ships."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; script-src 'sha256-{digest}'"
