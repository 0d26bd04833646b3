"""A declared section of the report: one file, one SECTION, one template."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from validate.report.study import Study

Profile = Literal["acceptance", "submission", "comparison"]
PROFILES: tuple[Profile, ...] = ("acceptance", "submission", "comparison")


@dataclass(frozen=True, slots=True)
class Missing:
    """What this evidence does not hold, and who must supply it: never silence, and never a green mark."""

    what: str
    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """
    id : "R12", as the checklist maps name it      title : as an auditor knows it
    question : the heading, as a clinician would ask it
    content : what the template of the same name as the module shows, or Missing
    rank : the place in each profile; a profile changes order and words, never a number
    opens_page : starts on a new page of the PDF
    tasks : studies that have it; None for all
    elsewhere : why other studies do not, for their list of sections without data
    """

    id: str
    title: str
    question: str
    template: str
    content: Callable[[Study], Mapping[str, Any] | Missing]
    rank: Mapping[Profile, int] = field(default_factory=dict)
    opens_page: bool = False
    tasks: frozenset[str] | None = None
    elsewhere: str = "not asked of this kind of study"

    @property
    def number(self) -> int:
        """The natural place: R00 to R25, then A1 to A8."""
        return int(self.id[1:]) + (0 if self.id.startswith("R") else 100)

    def place(self, profile: Profile) -> int:
        return self.rank.get(profile, 10 * self.number)
