"""A run's, or a notebook's, entries in the ledger of test sets, and what the ledger says of earlier looks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from validate.cohort.case import Cohort
from validate.models.adapter import ModelIdentity
from validate.protocol.model import Model
from validate.protocol.schema import StudyProtocol
from validate.provenance.ledger import Ledger, Members, Use, members

MOST_LISTED = 50  # earlier looks named one by one in the evidence; all are counted


@dataclass(frozen=True, slots=True)
class Uses:
    """One run's side of the ledger.

    run : its name, the hash of its trail's first event     what : protocol, lock, cohort and models, as each entry says them
    """

    ledger: Ledger
    run: str
    what: Mapping[str, Any]
    groups: tuple[Members, ...]

    def enter(self, kind: str, **more: Any) -> str:
        """Write one entry about this run; returns its hash."""
        whole = kind in {"locked", "started", "unblinded"}
        data = {"run": self.run, **(self.what if whole else {}), **more}
        return self.ledger.append(kind, data, self.groups if whole else ())

    def document(self) -> dict[str, Any]:
        """evidence/ledger.json: where the ledger stands, and who looked at these cases before."""
        return reuse(self.ledger, self.groups, self.what["models"], run=self.run)


def uses_of(
    ledger: Ledger,
    run: str,
    protocol: StudyProtocol,
    cohort: Cohort,
    models: Mapping[str, ModelIdentity],
    lock: str | None,
) -> Uses:
    """The entries of a run under this lock; None where nothing was locked."""
    groups = cohort_members(cohort)
    what = {
        "protocol": {"id": protocol.id, "version": protocol.version},
        "lock": lock,
        "cohort": cohort.digest,
        "cases": len(cohort.cases),
        "patients": len({case.patient for case in cohort.cases}),
        "models": {model.id: _model(model, models[model.id]) for model in protocol.models},
        "members": {group.kind: group.digest for group in groups},
    }
    return Uses(ledger, run, what, groups)


def _model(model: Model, identity: ModelIdentity) -> dict[str, Any]:
    point = model.operating_point
    stated = point.model_dump(mode="json", include={"threshold", "thresholds", "cuts", "rule"}) if point else None
    return {"sha256": identity.digest, "operating_point": stated}


def cohort_members(cohort: Cohort) -> tuple[Members, ...]:
    """Who is in, by content and by patient."""
    return (
        members("case", (case.digest for case in cohort.cases)),
        members("patient", (case.patient for case in cohort.cases)),
    )


def patient_members(pseudonyms: Iterable[str]) -> tuple[Members, ...]:
    """Of a table in a notebook: patients are known, contents are not."""
    return (members("patient", pseudonyms),)


def reuse(
    ledger: Ledger, groups: Sequence[Members], models: Mapping[str, Mapping[str, Any]], *, run: str
) -> dict[str, Any]:
    """What the ledger knows of earlier looks at the labels of any of these cases or patients.

    models : those of this study, to tell which looks were at the same model, and at another threshold of it
    run : this run; going on with it is no other look
    """
    entries = ledger.entries()
    looks = [use for use in ledger.earlier_looks(groups) if use.entry["data"].get("run") != run]
    ended = _outcomes(entries)
    listed = [_look(use, models, ended) for use in looks]
    return {
        "schema_version": "1",
        "run": run,
        "since": entries[0]["time"] if entries else None,
        "entries": len(entries),
        "head": entries[-1]["hash"] if entries else None,
        "earlier_looks": len(listed),
        "of_the_same_model": sum(1 for look in listed if look["same_model"]),
        "at_another_threshold": sum(1 for look in listed if look["other_threshold"]),
        "never_reported": sum(1 for look in listed if look["how"] == "run" and not look["reported"]),
        "looks": listed[-MOST_LISTED:],
    }


def _outcomes(entries: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    """By run: its outcome, and whether it was reported."""
    ended: dict[str, dict[str, Any]] = {}
    for entry in entries:
        run = entry["data"].get("run")
        if run and entry["type"] in {"computed", "reported"}:
            state = ended.setdefault(run, {"outcome": None, "reported": False})
            state["outcome"] = entry["data"].get("outcome", state["outcome"])
            state["reported"] = state["reported"] or entry["type"] == "reported"
    return ended


def _look(use: Use, models: Mapping[str, Mapping[str, Any]], ended: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    data = use.entry["data"]
    known = {one["sha256"]: one for one in data.get("models", {}).values()}
    same = [one for one in models.values() if one["sha256"] in known]
    state = ended.get(data.get("run", ""), {"outcome": None, "reported": False})
    return {
        "time": use.entry["time"],
        "actor": use.entry["actor"],
        "how": "run" if use.entry["type"] == "unblinded" else "notebook",
        "protocol": data.get("protocol", {}).get("id"),
        "run": data.get("run"),
        "shared_cases": use.shared.get("case", 0),
        "shared_patients": use.shared.get("patient", 0),
        "same_model": bool(same),
        "other_threshold": any(
            one.get("operating_point") != known[one["sha256"]].get("operating_point") for one in same
        ),
        "outcome": state["outcome"],
        "reported": state["reported"],
    }


STATES = {
    "started": "started", "unblinded": "labels seen, not reported", "computed": "labels seen, not reported",
    "reported": "reported", "signed": "signed", "stopped": "stopped", "evaluated": "labels seen in a notebook",
}  # fmt: skip


def run_rows(entries: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One row a run or notebook look, oldest first: when, who, study, cases, state, outcome."""
    rows: dict[str, dict[str, Any]] = {}
    for entry in entries:
        if entry["type"] not in STATES:
            continue
        data = entry["data"]
        name = str(data.get("run") or entry["hash"])
        row = rows.setdefault(
            name,
            {
                "when": str(entry["time"])[:16].replace("T", " "),
                "who": entry["actor"],
                "run": data.get("run"),
                "study": data.get("protocol", {}).get("id", "–"),
                "cases": data.get("cases", "–"),
                "state": "started",
                "outcome": "–",
            },
        )
        if not (entry["type"] == "stopped" and row["state"] != "started"):
            row["state"] = STATES[entry["type"]]
        if entry["type"] == "computed":
            row["outcome"] = ("exploratory " if data.get("exploratory") else "") + (data.get("outcome") or "no verdict")
    return list(rows.values())
