"""The whole document: which sections, in which order, set with the templates and styles that ship beside the code."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from validate import __version__
from validate.analyses.wording import number_word
from validate.registry import load, names
from validate.report.addresses import DRAWING, for_screen
from validate.report.figures.canvas import Figure
from validate.report.house import PLAIN, House
from validate.report.printed import Printed, printed
from validate.report.profile_words import kind, work
from validate.report.section import Missing, Profile, Section
from validate.report.study import Study
from validate.report.table import beyond
from validate.report.view import words
from validate.resources import resource

LONGEST_NAME = 48
FONT = re.compile(r"url\((fonts/[\w.-]+\.woff2)\)")
BEYOND = re.compile(r'<tbody class="beyond">.*?</tbody>', re.DOTALL)
WORDS = re.compile(r"data:[a-z/+-]+;base64,[A-Za-z0-9+/=]*")
LIGHTEST = 0.12  # of all, for a chapter that is set by itself
HEAVIEST = 0.55  # of all, for one that is not cut
ABSENT = "What this evidence does not hold"


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


def declared(profile: Profile, house: House = PLAIN) -> list[Section]:
    """Every section there is, in this profile's order; what the house adds stands where it says."""
    found: list[Section] = [load("sections", name) for name in names("sections")]
    places = {section.id: section.place(profile) for section in found}
    found += [one.section(places) for one in house.sections if not one.profiles or profile in one.profiles]
    return sorted(found, key=lambda section: (section.place(profile), section.id))


@dataclass(frozen=True, slots=True)
class Document:
    """The report before it is set for a screen or for paper: every section filled, once."""

    environment: Environment
    facts: Mapping[str, Any]
    bodies: tuple[Set, ...]
    house: House

    def on_screen(self) -> str:
        """One self-contained page."""
        return for_screen(self._framed(self.bodies, screen=True))

    def on_paper(self) -> list[str]:
        """In parts, each of whole sections and beginning on a new page; how many depends on nothing but the content."""
        parts = [self._framed(part, screen=False) for part in _parts(self.bodies)]
        return [BEYOND.sub("", html) for html in parts]

    def _framed(self, bodies: Sequence[Set], *, screen: bool) -> str:
        script = resource("reports", "templates", "table.js").read_text(encoding="utf-8")
        html: str = self.environment.get_template("report.html.j2").render(
            document=self.facts, sections=bodies, screen=screen, style=_shipped(_style(self.house, screen=screen)),
            script=_shipped(script), policy=_policy(script), logo=self.house.logo, running=_running(self.facts),
        )  # fmt: skip
        return DRAWING.sub(lambda found: self.house.recoloured(found.group()), html)


def filled(
    study: Study, sections: Sequence[Section], house: House = PLAIN, *, elsewhere: Sequence[Section] = ()
) -> Document:
    """Every section's template filled with what the evidence holds.

    elsewhere : sections that studies of this task do not have, which are listed as that
    """
    environment = _environment(house)
    shown = [_shown(section, study) for section in sections]
    contents = [one for one in shown if one.missing is None and one.section.question]
    absent = [one for one in shown if one.missing is not None]
    facts = _document(study)
    common = {
        "study": study,
        "document": facts,
        "contents": contents,
        "absent": absent,
        "elsewhere": elsewhere,
        "house": house,
    }
    bodies = [
        Set(
            one.section.id, one.section.title, one.section.question, one.anchor, one.section.opens_page,
            _filled(environment, one.section.template, {**common, **one.content}),
        )
        for one in shown
        if one.missing is None
    ]  # fmt: skip
    if absent or elsewhere:
        body = _filled(environment, "absent.html.j2", common)
        bodies.append(Set("", "Sections without data", ABSENT, "section-absent", opens_page=False, body=body))
    return Document(environment, facts, tuple(bodies), house)


def _parts(bodies: Sequence[Set]) -> list[list[Set]]:
    """The first page with the contents, then the chapters; each part begins on a new page and is set by itself.

    A chapter begins at a section that opens a page. Of light ones several are a part, and what outweighs all others is cut.
    """
    front = next((place for place, body in enumerate(bodies) if place > 0 and 'class="contents"' in body.body), 0) + 1
    rest = bodies[front:]
    whole = sum(map(_weight, rest))
    chapters: list[list[Set]] = []
    for body in rest:
        light = bool(chapters) and _weight_of(chapters[-1]) < LIGHTEST * whole
        if chapters and (light or not body.opens_page):
            chapters[-1].append(replace(body, opens_page=body.opens_page and not light))
        else:
            chapters.append([body])
    return [list(bodies[:front]), *(part for chapter in chapters for part in _cut(chapter, whole))]


def _cut(chapter: Sequence[Set], whole: float) -> list[list[Set]]:
    """In two at the section nearest to the middle, where it is more than half of the whole and can be."""
    weight, before = _weight_of(chapter), 0.0
    if weight <= HEAVIEST * whole or len(chapter) == 1:
        return [list(chapter)]
    distances = []
    for place, body in enumerate(chapter[:-1], 1):
        before += _weight(body)
        distances.append((abs(before - weight / 2), place))
    place = min(distances)[1]
    return [list(chapter[:place]), list(chapter[place:])]


def _weight_of(bodies: Sequence[Set]) -> float:
    return sum(map(_weight, bodies))


def _weight(body: Set) -> float:
    """About how long it takes to set: cells and paragraphs cost more than letters, embedded pictures next to nothing."""
    return body.body.count("<") + len(WORDS.sub("", body.body)) / 50


def _filled(environment: Environment, template: str, content: Mapping[str, Any]) -> Markup:
    return Markup(environment.get_template(template).render(**content))  # noqa: S704 (the environment escapes)


def _environment(house: House) -> Environment:
    """Templates of the house before ours, and then all in a sandbox: a run folder may come from anywhere."""
    shipped = FileSystemLoader(resource("reports", "templates"))
    own = [FileSystemLoader(house.templates)] if house.templates is not None else []
    kind = ImmutableSandboxedEnvironment if own else Environment  # ours need none, and are filled twice as fast
    environment = kind(
        loader=ChoiceLoader([*own, shipped]), autoescape=True, undefined=StrictUndefined,
        finalize=_only_what_was_rounded, trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    environment.globals["beyond"] = beyond
    return environment


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
    named = kind(study)
    title = _few(study) + f" · {named.lower()}" + (" at " + words(site) if site else "")
    heads = title, study.report_id
    return {
        "question": study.question,
        "kind": named,
        "report_id": str(study.report_id),
        "running_head": title,
        "running_name": study.report_id,
        "running_title": str(title),
        "running_pieces": json.dumps([[[piece.text, piece.address] for piece in head.pieces] for head in heads]),
        "stamp": " · ".join(study.stamps),
        "exploratory": study.exploratory,
        "author": "validate",
        "subject": f"{work(study)}: {names_of_models}",
        "generator": f"validate {__version__}",
        "created": study.sealed.manifest["created"].text,
    }


def _running(facts: Mapping[str, Any]) -> dict[str, Markup]:
    """What stands at the edges of a page that a browser prints, each as a string of a style sheet."""
    words = {
        "title": facts["running_title"],
        "id": facts["report_id"],
        "stamp": facts["stamp"],
        "exploratory": "EXPLORATORY" if facts["exploratory"] else "",
    }
    return {name: _quoted(text) for name, text in words.items()}


def _quoted(text: str) -> Markup:
    """Text as a string of CSS: all but plain letters as numbers, so that no text ends the string."""
    signs = (sign if sign.isascii() and sign.isalnum() else f"\\{ord(sign):06x}" for sign in text)
    return Markup(f"'{''.join(signs)}'")  # noqa: S704 (letters, digits and backslashes)


def _shipped(text: str) -> Markup:
    """Text of our own files, which is set as it stands."""
    return Markup(text)  # noqa: S704 (no value of the evidence is in it)


def _few(study: Study) -> Printed:
    """The first model's name, and that there are others: a running head has one line."""
    first = study.model_name(study.models[0])
    short = first if len(str(first)) <= LONGEST_NAME else printed(f"{str(first)[:LONGEST_NAME].rstrip()}…")
    return short if len(study.models) == 1 else short + f" and {number_word(len(study.models) - 1)} more"


@cache
def _style(house: House, *, screen: bool) -> str:
    folder = resource("reports", "styles")
    sheets = ("fonts.css", "report.css", "screen.css" if screen else "print.css")
    style = "\n".join([*((folder / sheet).read_text(encoding="utf-8") for sheet in sheets), house.style])
    return FONT.sub(lambda found: _embedded(folder / found.group(1)), style)


def _embedded(font: Path) -> str:
    return f"url(data:font/woff2;base64,{base64.b64encode(font.read_bytes()).decode()})"


def _policy(script: str) -> str:
    """Nothing is loaded from anywhere, and no script runs but the one that ships."""
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    return f"default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; script-src 'sha256-{digest}'"
