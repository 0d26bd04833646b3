"""A notebook's way in: metrics with honest intervals from a table of predictions, without a protocol."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from validate.errors import DataError
from validate.estimation.estimate import Estimate
from validate.estimation.estimates import Estimates
from validate.estimation.estimator import Numbers, estimate_sample
from validate.estimation.groups import Groups, groups_of
from validate.estimation.plan import Plan, refuse_naive
from validate.estimation.replicates import Resampling
from validate.estimation.sample import Sample
from validate.evaluation.frame import arrow_table, digest_of, patients_of
from validate.evaluation.judging import MarkedTables, classes, of_class
from validate.evaluation.ledger import note_look
from validate.evaluation.marks import marked_samples
from validate.evaluation.plans import plan_named, refuse_unasked
from validate.evaluation.questions import Asked, Question, column, questions
from validate.metrics.metric import Rows
from validate.protocol.passes import CLEAN
from validate.protocol.targets import ALL, FITTING, MEASURED
from validate.results.levels import ONE_PER_PATIENT, level_texts, refuse_two_levels
from validate.stats.resample import resampling_key

DEFAULT_METRICS = ("auroc", "average_precision", "brier")
GRADED_METRICS = {
    "multiclass": ("accuracy", "balanced_accuracy", "kappa"),
    "ordinal": ("quadratic_kappa", "linear_kappa", "within_one", "exact_agreement"),
}
DETECTION_METRICS = ("mean_sensitivity", "weighted_afroc", "highest_rating_auc")


def evaluate(
    frame: Any,
    *,
    truth: str | Mapping[str, str] | None = None,
    score: str | None = None,
    scores: Mapping[Any, str] | None = None,
    predicted: str | None = None,
    classes: Sequence[object] | None = None,
    task: str = "classification",
    threshold: float | Mapping[str, float] | None = None,
    threshold_rule: str = ">=",
    cuts: Sequence[float] | None = None,
    positive: object = 1,
    cluster: str | None = None,
    by: Sequence[str] = (),
    metrics: Sequence[str] | None = None,
    interval: str | None = None,
    replicates: int = 2000,
    level: float = 0.95,
    seed: int = 0,
    workers: int = 0,
    marks: Any = None,
    lesions: Any = None,
    key: str | None = None,
    hit: Mapping[str, Any] | None = None,
    repeated_hits: str = "ignore",
    options: Mapping[str, Mapping[str, float]] | None = None,
) -> Estimates:
    """Each metric, overall and in every level of every column in `by`, overall first.

    frame : any pandas, polars or Arrow table, one row per case
    task : "classification", "multiclass", "ordinal", "multilabel", "segmentation" or "detection"
    truth : column that says whether the finding is there: `positive` means yes, one other value no; or which class or grade
        it is, one of `classes` (of grades, in rising order); of several findings, {finding: column}
    score : column of the model's numbers; threshold, threshold_rule (">=" or ">") turn them into flags, cuts into grades
    scores : {class, grade or finding: column} where the model gives several numbers; of a segmentation {measure: column}, what
        compare_masks measured of each case, such as {"dice": "dice"}, and no truth
    predicted : column of its answers, the class with the highest score unless given
    cluster : column of patients, so that intervals respect several rows of one; None where rows are patients
    marks, lesions : of a detection, tables with a row for each, and `key`, the column that names the case in all three. Marks have a
        column `score` ("score" unless given); both have x, y[, z] and diameter, or x_min, y_min[, z_min], x_max, …, and `hit` says
        when one hits the other, such as {"criterion": "distance", "value": 5.0}; or, without `hit`, a column "lesion" says which
        lesion a mark hits. repeated_hits : a second mark on a lesion, "ignore" or "false_mark". Cases without lesions or marks have
        their row in `frame`; `by` may name columns of lesions too. `truth` names the column, in both, of what kind a lesion is, where
        there are several: each kind has its estimates, and COCO's numbers have their mean over kinds too (target "all"). Columns
        "area", "crowd" and "ignore" of lesions are heeded
    metrics : names such as "auroc"; interval : one method for all, or each metric's own default. A binary metric in a study of
        several classes, grades or findings gives one estimate for each (`target`). options : {metric: {option: number}}, of those
        that have some, such as {"sensitivity_at_rate": {"rate": 1}}
    Everything here is exploratory: nothing was locked before it was looked at. Where patients are named (cluster), the look is
    counted in this site's ledger of test sets, under keyed pseudonyms; where no ledger can be kept, a warning says so.
    Raises DataError, in a sentence, for anything that can't be evaluated honestly.
    """
    _check_arguments(task, threshold_rule, replicates, level)
    table = arrow_table(frame)
    if task == "detection":
        if marks is None or lesions is None or key is None or isinstance(threshold, Mapping):
            raise DataError("task 'detection' needs marks=, lesions= and key=, and one threshold or none.")
        tables = MarkedTables(
            table,
            arrow_table(marks, "marks"),
            arrow_table(lesions, "lesions"),
            key,
            score or "score",
            hit,
            repeated_hits,
            tuple(by),
            None if truth is None else str(truth),
        )
        return _of_marks(
            tables, threshold, threshold_rule, cluster, metrics, interval, replicates, level, seed, workers, options
        )
    if marks is not None or lesions is not None or hit is not None:
        raise DataError(f"marks, lesions, hit: belong to task 'detection'; this one is '{task}'.")
    asked = Asked(
        task=task, truth=truth, score=score, scores=scores, predicted=predicted, classes=classes, threshold=threshold,
        threshold_rule=threshold_rule, cuts=cuts, positive=positive,
    )  # fmt: skip
    found = questions(table, asked)
    asked_for = metrics or _defaults(task, threshold, scores)
    refuse_unasked(options, asked_for)
    plans = [plan_named(name, task, interval=interval, level=level, options=options) for name in asked_for]
    patients = patients_of(table, cluster)
    for plan in plans:
        _check_fit(plan, found)
        refuse_naive(
            plan.method, rows=patients.size, clusters=int(patients.max()) + 1, where=f"metric '{plan.endpoint}'"
        )
    levels = {name: level_texts(name, column(table, name).to_pylist()) for name in by}
    for name in ONE_PER_PATIENT & levels.keys():
        refuse_two_levels(name, levels[name], patients.tolist())
    groups = groups_of(levels, patients.size)
    resampling = Resampling(
        int(patients.max()) + 1, replicates, resampling_key(seed, digest_of(found, patients)), workers
    )
    by_question = [_estimates(plans, question, patients, groups, resampling) for question in found]
    if cluster is not None:
        note_look(table, cluster, metrics=[plan.endpoint for plan in plans], threshold=threshold)
    return Estimates(tuple(one for plan in plans for of in by_question for one in of.get(plan.endpoint, ())))


def _of_marks(  # noqa: PLR0917 (the arguments of evaluate)
    tables: MarkedTables, threshold: float | None, rule: str, cluster: str | None, metrics: Sequence[str] | None,
    interval: str | None, replicates: int, level: float, seed: int, workers: int,
    options: Mapping[str, Mapping[str, float]] | None,
) -> Estimates:  # fmt: skip
    """Each metric of marks, overall and by level."""
    patients = patients_of(tables.cases, cluster)
    clusters = int(patients.max()) + 1
    own = [name for name in tables.by if name in tables.cases.column_names]
    for name in tables.by:
        if name not in own and name not in tables.lesions.column_names:
            raise DataError(f"by: no column '{name}' in the frame or in lesions.")
    levels = {name: level_texts(name, column(tables.cases, name).to_pylist()) for name in own}
    groups, named = groups_of(levels, patients.size), classes(tables)
    every = [(name, of_class(tables, name)) for name in named] or [("lesions", tables)]
    every += [(ALL, tables)] if len(named) > 1 else []
    found = {
        target: marked_samples(part, patients, groups, threshold=threshold, inclusive=rule == ">=")
        for target, part in every
    }
    told = (patients, *(part for samples in found.values() for part in samples.told))
    digest = hashlib.sha256(b"".join(np.ascontiguousarray(part).tobytes() for part in told)).hexdigest()
    resampling = Resampling(clusters, replicates, resampling_key(seed, digest), workers)
    estimates = []
    refuse_unasked(options, metrics or DETECTION_METRICS)
    for name in metrics or DETECTION_METRICS:
        plan = plan_named(name, "detection", interval=interval, level=level, options=options)
        refuse_naive(plan.method, rows=patients.size, clusters=clusters, where=f"metric '{plan.endpoint}'")
        if "flagged" in plan.metric.needs and threshold is None:
            raise DataError(f"metrics: {plan.endpoint} needs a threshold; pass threshold=…")
        if "matched" in plan.metric.needs and not any(samples.found.counted.any() for samples in found.values()):
            raise DataError(
                f"metrics: {plan.endpoint} is of boxes against boxes; pass hit= and tables with x_min, y_min, x_max, y_max."
            )
        for target, samples in found.items():
            if target == ALL and "class" not in plan.metric.needs:
                continue  # curves of several classes together say nothing of any of them
            sample = samples.of(plan.metric.needs, plan.options)
            (of_plan,) = estimate_sample([plan], sample, model="model", resampling=resampling)
            question = Question(target, {}, {**samples.condition, **plan.options}, plan.metric.tasks)
            estimates += [
                _estimate(plan, question, sample.groups.stratum(place), one) for place, one in enumerate(of_plan)
            ]
    if cluster is not None:
        note_look(tables.cases, cluster, metrics=list(metrics or DETECTION_METRICS), threshold=threshold)
    return Estimates(tuple(estimates))


def _estimates(
    plans: Sequence[Plan], question: Question, patients: NDArray[np.int64], groups: Groups, resampling: Resampling
) -> dict[str, list[Estimate]]:
    """By metric, those that can be read of this question."""
    fitting = [plan for plan in plans if plan.metric.tasks & question.tasks]
    failed = np.zeros(len(groups.levels), np.int64)
    found: dict[str, list[Estimate]] = {}
    for options in {tuple(plan.options.items()): plan.options for plan in fitting}.values():
        alike = [plan for plan in fitting if plan.options == options]
        asked = replace(question, condition={**question.condition, **options})
        sample = Sample(Rows(asked.columns, asked.condition), patients, patients, groups, failed)
        numbers = estimate_sample(alike, sample, model="model", resampling=resampling)
        for plan, of_plan in zip(alike, numbers, strict=True):
            found[plan.endpoint] = [
                _estimate(plan, asked, groups.stratum(place), one) for place, one in enumerate(of_plan)
            ]
    return found


def _estimate(plan: Plan, question: Question, stratum: dict[str, str], one: Numbers) -> Estimate:
    shown = {key: value for key, value in question.condition.items() if key in {*plan.metric.condition, *plan.options}}
    return Estimate(
        id="/".join([plan.endpoint, *(f"{name}={value}" for name, value in stratum.items())]),
        endpoint=plan.endpoint,
        metric=plan.name,
        model="model",
        pass_id=CLEAN.id,
        target=question.target,
        stratum=stratum,
        condition=shown,
        missing_rule="none",
        value=one.value,
        interval=one.interval,
        numerator=one.numerator,
        denominator=one.denominator,
        n_cases=one.n_cases,
        n_patients=one.n_patients,
        n_events=one.n_events,
        unit=plan.metric.unit,
        role="exploratory",
        prespecified=False,
        status=one.status,
        reason=one.reason,
        flags=one.flags,
    )


def _check_arguments(task: str, threshold_rule: str, replicates: object, level: float) -> None:
    if task not in FITTING:
        raise DataError(f"task: got '{task}', expected {', '.join(FITTING)}.")
    if threshold_rule not in {">=", ">"}:
        raise DataError(f"threshold_rule: got '{threshold_rule}', expected '>=' or '>'.")
    if not isinstance(replicates, int) or not 200 <= replicates <= 1_000_000:
        raise DataError(f"replicates: got {replicates}, expected a whole number from 200 to 1,000,000.")
    if not 0 < level < 1:
        raise DataError(f"level: got {level}, expected a number between 0 and 1, such as 0.95.")


def _defaults(task: str, threshold: object, scores: Mapping[Any, str] | None) -> tuple[str, ...]:
    if task in MEASURED:
        return tuple(f"mean.{name}" for name in scores or ())
    if task in GRADED_METRICS:
        return GRADED_METRICS[task]
    return DEFAULT_METRICS if threshold is None else (*DEFAULT_METRICS, "sensitivity", "specificity")


def _check_fit(plan: Plan, found: Sequence[Question]) -> None:
    """Whether what the metric needs is there, and is a probability where it must be."""
    fitting = [question for question in found if plan.metric.tasks & question.tasks]
    for question in fitting:
        lacking = [name for name in plan.metric.needs if name not in question.columns]
        if lacking and task_of(plan) in MEASURED:
            raise DataError(
                f"metrics: {plan.endpoint} needs {', '.join(lacking)}; pass scores={{'{lacking[0]}': column}}."
            )
        if "flagged" in lacking:
            raise DataError(f"metrics: {plan.endpoint} needs a threshold; pass threshold=…")
        if lacking:
            raise DataError(f"metrics: {plan.endpoint} needs scores of every class; pass scores={{class: column, …}}.")
        score = question.columns.get("score", np.zeros(0))
        outside = score[(score < 0) | (score > 1)]
        if plan.outputs_only and outside.size:
            raise DataError(
                f"metrics: {plan.endpoint} needs probabilities, and {outside.size} of {score.size} scores lie outside "
                f"[0, 1], the first being {outside[0]:g}."
            )


def task_of(plan: Plan) -> str:
    """The task whose metric it is."""
    return plan.name.partition(".")[0]
