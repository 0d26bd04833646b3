"""Several images of one unit → one score, by the rule that the protocol states."""

from __future__ import annotations

from collections.abc import Sequence

from validate.models.prediction import ClassScores, Failure, Prediction
from validate.protocol.model import Aggregate


def aggregated(results: Sequence[Prediction | Failure], rule: Aggregate | None) -> Prediction | Failure:
    """The unit's result from those of its images, in order; `raw` is theirs, one after the other, `embedding` their mean.

    One failed image makes the unit a failure with that image's reason: a maximum over the images that happened to
    work would be another score than the one promised. No images is a failure "no_image".
    """
    if not results:
        return Failure("no_image", "This unit has no image to give to the model.")
    failures = [result for result in results if isinstance(result, Failure)]
    if failures and len(results) > 1:
        count = f"{len(failures)} of {len(results)} images of this unit failed"
        return Failure(failures[0].reason, f"{count}; the first: {failures[0].detail}")
    if rule is None or failures:
        (result,) = results
        return result
    scores = [result for result in results if isinstance(result, ClassScores)]
    combine = max if rule.score == "max" else _mean
    return ClassScores(
        {target: combine([result.scores[target] for result in scores]) for target in scores[0].scores},
        raw=tuple(value for result in scores for value in result.raw),
        embedding=_mean_of([result.embedding for result in scores]),
    )


def _mean_of(embeddings: Sequence[tuple[float, ...]]) -> tuple[float, ...]:
    """Number by number; none where one image has none."""
    return tuple(map(_mean, zip(*embeddings, strict=True))) if all(embeddings) else ()


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
