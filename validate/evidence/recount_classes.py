"""Questions of several classes or grades by the textbook, from pairs of what is true and what was answered."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from validate.evidence.recount_yes_no import Found, Row, auroc


@dataclass(frozen=True, slots=True)
class Answer:
    """true, given : number of the class, from 0; `given` is the number after the last for no answer that counts as wrong

    scores : of each class, where the model gives them
    """

    true: int
    given: int
    scores: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True)
class Answers:
    """classes : how many there are"""

    cases: Sequence[Answer]
    classes: int

    def share(self, hit: Callable[[Answer], bool]) -> Found:
        hits = sum(1 for case in self.cases if hit(case))
        return Found(hits / len(self.cases) if self.cases else math.nan, hits, len(self.cases))

    def given(self, case: Answer) -> bool:
        return case.given < self.classes

    def of_class(self, place: int) -> tuple[int, int, int]:
        """Right, cases of the class, answers of the class."""
        right = sum(1 for case in self.cases if case.true == case.given == place)
        return right, sum(c.true == place for c in self.cases), sum(c.given == place for c in self.cases)


def exact(a: Answers) -> Found:
    return a.share(lambda case: case.true == case.given)


def within_one(a: Answers) -> Found:
    return a.share(lambda case: a.given(case) and abs(case.true - case.given) <= 1)


def off_by_one(a: Answers) -> Found:
    return a.share(lambda case: a.given(case) and abs(case.true - case.given) == 1)


def off_by_more(a: Answers) -> Found:
    return a.share(lambda case: not a.given(case) or abs(case.true - case.given) > 1)


def overgraded(a: Answers) -> Found:
    """No answer counts as too high, and as too low as well: against the model both times."""
    return a.share(lambda case: not a.given(case) or case.given > case.true)


def undergraded(a: Answers) -> Found:
    return a.share(lambda case: not a.given(case) or case.given < case.true)


def kappa(power: int) -> Callable[[Answers], Found]:
    """Cohen's, weighted: power 0 counts every error alike, 1 by how many grades it is off, 2 by its square."""

    def value(a: Answers) -> Found:
        def wrong(true: int, given: int) -> float:
            far = max(true, a.classes - 1 - true)
            off = far if given == a.classes else abs(true - given)
            return float(off > 0) if power == 0 else (off / max(a.classes - 1, 1)) ** power

        n = len(a.cases)
        observed = math.fsum(wrong(case.true, case.given) for case in a.cases)
        true = [sum(c.true == k for c in a.cases) for k in range(a.classes)]
        given = [sum(c.given == k for c in a.cases) for k in range(a.classes + 1)]
        expected = math.fsum(wrong(i, j) * true[i] * given[j] for i in range(len(true)) for j in range(len(given)))
        return Found(1 - observed * n / expected if expected else math.nan)

    return value


def balanced_accuracy(a: Answers) -> Found:
    parts = [a.of_class(k) for k in range(a.classes)]
    return Found(sum(right / there if there else math.nan for right, there, _ in parts) / len(parts))


def macro_f1(a: Answers) -> Found:
    parts = [a.of_class(k) for k in range(a.classes)]
    return Found(
        sum(2 * right / (there + said) if there + said else math.nan for right, there, said in parts) / len(parts)
    )


def mcc(a: Answers) -> Found:
    """The correlation of class and answer over all pairs of cases (Gorodkin)."""
    n = len(a.cases)
    there = [sum(c.true == k for c in a.cases) for k in range(a.classes)]
    said = [sum(c.given == k for c in a.cases) for k in range(a.classes + 1)]
    together = sum(c.true == c.given for c in a.cases) * n - sum(t * s for t, s in zip(there, said, strict=False))
    spread = (n * n - sum(t * t for t in there)) * (n * n - sum(s * s for s in said))
    return Found(together / math.sqrt(spread) if spread else math.nan)


def _areas(a: Answers, pairs: Sequence[tuple[int, frozenset[int]]]) -> Found:
    """The mean, over classes each held against others, of the area under its score."""
    if not all(case.scores is not None for case in a.cases):
        return Found(math.nan)
    areas = [
        auroc([Row(c.true == own, (c.scores or ())[own]) for c in a.cases if c.true == own or c.true in others]).value
        for own, others in pairs
    ]
    return Found(math.fsum(areas) / len(areas))


def macro_auroc(a: Answers) -> Found:
    every = frozenset(range(a.classes))
    return _areas(a, [(own, every - {own}) for own in sorted(every)])


def hand_till_auroc(a: Answers) -> Found:
    classes = range(a.classes)
    return _areas(a, [(own, frozenset({other})) for own in classes for other in classes if own != other])


def top_k_accuracy(a: Answers, condition: Mapping[str, float]) -> Found:
    """Fewer than k other classes score as high as the true one."""
    k = int(condition.get("k", 3))

    def among(case: Answer) -> bool:
        scores = case.scores or ()
        others = (score for place, score in enumerate(scores) if place != case.true)
        return sum(score >= scores[case.true] for score in others) < k

    return a.share(among)


Measure = Callable[[Answers, Mapping[str, float]], Found]


def _plain(measure: Callable[[Answers], Found]) -> Measure:
    return lambda answers, _condition: measure(answers)


MEASURES: Mapping[str, Measure] = {
    "multiclass.top_k_accuracy": top_k_accuracy,
    **{name: _plain(measure) for name, measure in {
        "multiclass.accuracy": exact, "multiclass.balanced_accuracy": balanced_accuracy, "multiclass.macro_f1": macro_f1,
        "multiclass.kappa": kappa(0), "multiclass.mcc": mcc, "multiclass.macro_auroc": macro_auroc,
        "multiclass.hand_till_auroc": hand_till_auroc, "ordinal.exact_agreement": exact, "ordinal.within_one": within_one,
        "ordinal.off_by_one": off_by_one, "ordinal.off_by_more": off_by_more, "ordinal.overgraded": overgraded,
        "ordinal.undergraded": undergraded, "ordinal.linear_kappa": kappa(1), "ordinal.quadratic_kappa": kappa(2),
    }.items()},
}  # fmt: skip
