"""The house style: a hospital's logo, colours, signers, sections and templates, in a folder of its own.

house.yaml says what is different, house.css how it looks, templates/ replaces ours one by one by their names. Nothing of
it is code: templates run in a sandbox, and what a page loads must lie in the folder.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import yaml
from markupsafe import Markup, escape
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from validate.errors import CommandError
from validate.report.section import PROFILES, Section

if TYPE_CHECKING:
    from validate.report.study import Study

NAME, STYLE, TEMPLATES, FOLDER = "house.yaml", "house.css", "templates", "house"
LARGEST = 2 << 20  # bytes of one file
LOGOS = {".svg": "svg+xml", ".png": "png", ".jpg": "jpeg", ".jpeg": "jpeg"}
ACCENT, BAND = "#0b5d6b", "#dbe9eb"  # as in figures/canvas.py and report.css
READABLE = 4.5  # contrast against white that WCAG 2.2 AA asks of text


class _Block(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Colours(_Block):
    """accent : headings, links and lines of figures    band : shades of figures    dark_accent : on a dark screen."""

    accent: str = ACCENT
    band: str = BAND
    dark_accent: str = "#5cc0d0"

    @field_validator("*")
    @classmethod
    def _is_colour(cls, value: str) -> str:
        if not re.fullmatch(r"#[0-9a-fA-F]{6}", value):
            raise ValueError("expected a colour such as '#0b5d6b'")
        return value.lower()

    @field_validator("accent")
    @classmethod
    def _is_readable(cls, value: str) -> str:
        found = contrast(value, "#ffffff")
        if found < READABLE:
            raise ValueError(f"contrast against white is {found:.1f}, text needs {READABLE} to be read; darken it")
        return value


class Signer(_Block):
    role: str = Field(min_length=1)
    name: str = ""


class OwnSection(_Block):
    """A section that the house adds. after : the id of the section it follows    text : paragraphs, and lists of "- " lines."""

    id: str = Field(pattern=r"^H[0-9]{1,2}$")
    title: str = Field(min_length=1)
    question: str = Field(min_length=1)
    text: str = Field(min_length=1)
    after: str = "R21"
    profiles: tuple[Literal["acceptance", "submission", "comparison"], ...] = ()

    def section(self, places: Mapping[str, int]) -> Section:
        """As a declared section, behind the one it names."""
        place = places.get(self.after, max(places.values())) + 1
        return Section(
            id=self.id, title=self.title, question=self.question, template="house_section.html.j2", content=self._content,
            rank=dict.fromkeys(PROFILES, place),
        )  # fmt: skip

    def _content(self, _study: Study) -> Mapping[str, Any]:
        return {"paragraphs": [_paragraph(block) for block in re.split(r"\n\s*\n", self.text.strip())]}


class Sheet(_Block):
    """house.yaml."""

    name: str = ""
    confidentiality: str = ""
    logo: str | None = None
    colours: Colours = Colours()
    signers: tuple[Signer, ...] = ()
    sections: tuple[OwnSection, ...] = ()


@dataclass(frozen=True, eq=False)
class House:
    """One folder, read. folder : None for our own style."""

    folder: Path | None
    sheet: Sheet
    css: str

    @property
    def sections(self) -> tuple[OwnSection, ...]:
        return self.sheet.sections

    @cached_property
    def templates(self) -> Path | None:
        found = self.folder / TEMPLATES if self.folder is not None else None
        return found if found is not None and found.is_dir() else None

    @cached_property
    def replaced(self) -> tuple[str, ...]:
        """Names of the templates that are not ours."""
        root = self.templates
        return tuple(sorted(p.relative_to(root).as_posix() for p in root.rglob("*.j2"))) if root is not None else ()

    @cached_property
    def logo(self) -> Markup:
        """An image, or nothing."""
        if self.folder is None or self.sheet.logo is None:
            return Markup()
        path = self.folder / self.sheet.logo
        data = base64.b64encode(path.read_bytes()).decode()
        kind = LOGOS[path.suffix.lower()]
        return Markup('<img class="logo" alt="{}" src="data:image/{};base64,{}">').format(
            self.sheet.name or "Logo", kind, data
        )

    @cached_property
    def style(self) -> str:
        colours = self.sheet.colours
        if self.folder is None:
            return ""
        root = f":root {{ --accent: {colours.accent}; --band: {colours.band}; }}"
        dark = f"@media screen and (prefers-color-scheme: dark) {{ :root {{ --accent: {colours.dark_accent}; }} }}"
        return f"{root}\n{dark}\n{self.css}"

    def recoloured(self, drawing: str) -> str:
        """A figure in the colours of the house; those of the verdict stay as they are."""
        if self.folder is None:
            return drawing
        return drawing.replace(ACCENT, self.sheet.colours.accent).replace(BAND, self.sheet.colours.band)


PLAIN = House(None, Sheet(), "")


def read_house(folder: Path) -> House:
    """Read and check a folder. Raises CommandError that names the file, what it holds and what was expected."""
    path = folder / NAME
    try:
        raw = yaml.safe_load(_text(path)) or {}
        sheet = Sheet.model_validate(raw)
    except yaml.YAMLError as error:
        raise CommandError(f"{path}: is no YAML: {' '.join(str(error).split())}") from error
    except ValidationError as error:
        problems = "; ".join(
            f"{'.'.join(str(step) for step in one['loc'])}: {one['msg']}, got {one['input']!r}"
            for one in error.errors(include_url=False)
        )
        raise CommandError(f"{path}: {problems}") from error
    if sheet.logo is not None:
        _check_logo(folder, sheet.logo)
    css = _text(folder / STYLE) if (folder / STYLE).is_file() else ""
    if "<" in css or re.search(r"@import|url\((?!\s*['\"]?data:)", css):
        raise CommandError(
            f"{folder / STYLE}: loads something or holds '<'; a report loads nothing, so images go in as data: addresses"
        )
    return House(folder, sheet, css)


def house_files(folder: Path) -> list[Path]:
    """What of the folder belongs to a house style, relative to it; the rest stays where it is."""
    house = read_house(folder)
    found = [Path(NAME)]
    found += [Path(STYLE)] if (folder / STYLE).is_file() else []
    found += [Path(house.sheet.logo)] if house.sheet.logo else []
    return found + [Path(TEMPLATES, name) for name in house.replaced]


def contrast(colour: str, other: str) -> float:
    """Contrast of two colours, 1 to 21 (WCAG 2.2, relative luminance)."""
    lighter, darker = sorted((_luminance(colour), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > LARGEST:
            raise CommandError(f"{path}: is larger than {LARGEST >> 20} MiB; expected a small text file")
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CommandError(f"{path}: can't be read: {error}. A house style is a folder with {NAME} in it.") from error


def _check_logo(folder: Path, name: str) -> None:
    path = folder / name
    if path.suffix.lower() not in LOGOS or not path.resolve().is_relative_to(folder.resolve()) or not path.is_file():
        raise CommandError(
            f"{folder / NAME} logo: got {name!r}, expected a file of this folder that ends in {', '.join(LOGOS)}"
        )
    if path.stat().st_size > LARGEST:
        raise CommandError(f"{path}: is larger than {LARGEST >> 20} MiB; a logo is small")
    if path.suffix.lower() == ".svg" and re.search(
        rb"<script|href\s*=\s*[\"'](?!#|data:)", path.read_bytes(), re.IGNORECASE
    ):
        raise CommandError(f"{path}: holds a script or loads something; expected a plain drawing")


def _paragraph(block: str) -> Markup:
    lines = [line.strip() for line in block.splitlines()]
    if all(line.startswith("- ") for line in lines):
        items = Markup("").join(Markup("<li>{}</li>").format(line[2:]) for line in lines)
        return Markup('<ul class="limits">{}</ul>').format(items)
    return Markup("<p>{}</p>").format(escape(" ".join(lines)))
