"""What is measured: do metrics fit the task, the outputs and the intervals?"""

from __future__ import annotations

from collections.abc import Iterator

from validate.protocol.catalog import Catalog
from validate.protocol.problem import Place, Problem, unknown
from validate.protocol.question import Endpoint
from validate.protocol.schema import StudyProtocol
from validate.protocol.targets import FITTING, MEASURED

WHAT = {"segmentation": "compares masks, and", "detection": "judges marks against lesions, and"}
# Analytic intervals that hold for independent rows only, and what serves clustered rows instead.
NAIVE = {
    "delong": "obuchowski or bootstrap",
    "delong_logit": "obuchowski or bootstrap",
    "wilson": "wilson_effective_n or bootstrap",
    "clopper_pearson": "clopper_pearson_effective_n or bootstrap",
    "jeffreys": "jeffreys_effective_n or bootstrap",
}


def endpoint_problems(protocol: StudyProtocol, catalog: Catalog) -> Iterator[Problem]:
    ids: set[str] = set()
    for index, endpoint in enumerate(protocol.endpoints):
        place: Place = ("endpoints", index)
        if endpoint.id in ids:
            yield Problem((*place, "id"), f"'{endpoint.id}' names two endpoints")
        ids.add(endpoint.id)
        if endpoint.metric not in catalog.metrics:
            yield Problem((*place, "metric"), _no_metric(endpoint.metric, catalog))
        else:
            yield from _endpoint(protocol, endpoint, place, catalog)


def _no_metric(got: str, catalog: Catalog) -> str:
    """Of a measure without a statistic, such as segmentation.dice, the statistics there are."""
    task, _, name = got.partition(".")
    statistics = [other for other in catalog.metrics if other.startswith(f"{task}.") and other.endswith(f".{name}")]
    if name and statistics:
        return f"no metric '{got}'; of a case's {name} there are {', '.join(sorted(statistics))}"
    return unknown("metric", got, catalog.metrics)


def _endpoint(protocol: StudyProtocol, endpoint: Endpoint, place: Place, catalog: Catalog) -> Iterator[Problem]:
    metric = catalog.metrics[endpoint.metric]
    if not metric.tasks & FITTING[protocol.task]:
        tasks = ", ".join(sorted(metric.tasks))
        what = next((words for task, words in WHAT.items() if metric.tasks <= {task}), f"is a metric of {tasks};")
        yield Problem((*place, "metric"), f"{metric.title} {what} this study's task is {protocol.task}")
    if "threshold" in metric.condition:
        for model in protocol.models:
            if model.operating_point is None:
                yield Problem(place, f"{metric.title} needs an operating point; model '{model.id}' has none")
    if metric.outputs_only and protocol.task not in MEASURED:
        for model in protocol.models:
            if model.output.kind != "probability":
                yield Problem(
                    place, f"{metric.title} needs probabilities; model '{model.id}' gives a {model.output.kind}"
                )
    yield from _interval(protocol, endpoint, place, catalog)


def _interval(protocol: StudyProtocol, endpoint: Endpoint, place: Place, catalog: Catalog) -> Iterator[Problem]:
    metric = catalog.metrics[endpoint.metric]
    method = endpoint.interval.method if endpoint.interval else metric.intervals[0]
    unit, cluster = protocol.cohort.unit, protocol.cohort.cluster
    place = (*place, "interval", "method")
    if method not in metric.intervals:
        yield Problem(place, f"{metric.title} has no {method} interval; there are {', '.join(metric.intervals)}")
    elif method in NAIVE and unit != cluster:
        yield Problem(
            place,
            f"{method} takes rows for independent, but rows are per {unit} and {cluster}s are resampled; "
            f"use {NAIVE[method]}",
        )
    if endpoint.interval and endpoint.interval.kind is not None and method != "bootstrap":
        yield Problem((*place[:-1], "kind"), f"belongs to method bootstrap, not to {method}")
