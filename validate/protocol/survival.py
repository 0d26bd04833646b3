"""What a protocol asks of the time until an event: where it stands, and when the curves are read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from validate.protocol.block import Scalar
from validate.protocol.catalog import Catalog
from validate.protocol.cohort_problems import known_attributes
from validate.protocol.problem import Problem, unknown
from validate.protocol.schema import StudyProtocol

NAME = "survival"


class SurvivalOptions(BaseModel):
    """
    time : the attribute that holds how long each patient was followed, to the event or as far as is known
    event : the attribute that says whether it happened; occurred : its value where it did
    of : what the event is, in words, such as "progression"      unit : what time is counted in
    at : times at which the share without the event and the numbers at risk are given
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)

    time: str
    event: str
    occurred: Scalar = 1
    of: Annotated[str, Field(min_length=1, pattern=r"\S")]
    unit: Annotated[str, Field(min_length=1, pattern=r"\S")]
    at: tuple[Annotated[float, Field(gt=0)], ...] = Field(min_length=1, max_length=8)


def survival_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    """Problems of `analyses: survival`."""
    for index, analysis in enumerate(protocol.analyses):
        if analysis.name != NAME:
            continue
        try:
            options = SurvivalOptions.model_validate(dict(analysis.options))
        except ValidationError:
            return  # said by the options' own check
        place = ("analyses", index, "options")
        known = known_attributes(protocol, catalog)
        for field in ("time", "event"):
            name = getattr(options, field)
            if known and name not in known:
                yield Problem((*place, field), unknown("attribute", name, known))
            for model in protocol.models:
                given = [column for one in (model.inputs or {}).values() for column in one.columns or ()]
                if name in given:
                    message = (
                        f"'{name}' is what happens later, and model '{model.id}' is given it; a model must not see it"
                    )
                    yield Problem((*place, field), message)
        if list(options.at) != sorted(set(options.at)):
            yield Problem((*place, "at"), f"got {list(options.at)}, expected rising times")
