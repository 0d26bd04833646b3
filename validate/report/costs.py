"""What the inference cost, as tables: seconds a case by stage, and what the machine gave."""

from __future__ import annotations

from validate.report import view
from validate.report.printed import Printed
from validate.report.study import Study
from validate.report.table import Column, Table, row

STAGES = {
    "decode": "Reading and decoding", "perturb": "Disturbing", "preprocess": "Preprocessing", "model": "The model",
    "postprocess": "Postprocessing", "store": "Storing",
}  # fmt: skip
HANDED_IN = {"model": "Looking up outputs that were handed in"}  # where no model ran here
UNREAD = "not readable here"


def cost_table(study: Study) -> Table:
    """Seconds by stage; stages that took none are left out. Of outputs that were handed in, nothing here is a model's."""
    columns = (
        Column("Stage", width=40),
        Column("Seconds in all", numeric=True, width=30),
        Column("Milliseconds a case", numeric=True, width=30),
    )
    titles = _titles(study)
    rows = tuple(
        row(titles[stage["stage"].text], view.plain(stage["seconds"], 1), view.plain(stage["milliseconds_per_case"], 2))
        for stage in study.sealed.cost["stages"]
        if stage["seconds"].value
    )
    return Table("cost", columns, rows)


def slowest_stage(study: Study) -> Printed:
    """In words; empty where the evidence holds no cost."""
    slowest = study.sealed.cost["slowest"]
    titles = _titles(study)
    spoken = {name: words[0].lower() + words[1:] for name, words in titles.items()}
    return view.choice(slowest, spoken) if slowest else Printed()


def model_cost_table(study: Study) -> Table:
    """What an answer of each model took, apart from the reading of images, which all share; of those that ran here."""
    ran = {model["id"].text for model in study.models} - {model["id"].text for model in study.unwitnessed}
    columns = (
        Column("Model", width=34), Column("Cases given to it", numeric=True, width=22),
        Column("Seconds in all", numeric=True, width=20), Column("Milliseconds a case", numeric=True, width=24),
    )  # fmt: skip
    rows = tuple(
        row(
            study.model_name(one["model"].text), view.count(one["cases"]), view.plain(one["predict_seconds"], 1),
            view.milliseconds(one["predict_seconds_per_case"]),
        )
        for one in study.sealed.cost["models"]
        if one["pass"].text == "clean" and one["model"].text in ran
    )  # fmt: skip
    return Table("cost-by-model", columns, rows)


def machine_table(study: Study) -> Table:
    """Memory, GPU and energy of the last start of the run."""
    machine = study.sealed.cost["machine"]
    if not machine:
        return Table("machine", (Column(""), Column("")), ())
    gpu = machine["gpu"]
    rows = [
        row("Wall time of the last start, s", view.plain(machine["seconds"], 1)),
        row("Most memory held", view.gibibytes(machine["peak_memory_bytes"])),
        row("Energy of the processors, J", view.plain(machine["processor_joules"], 0, UNREAD)),
    ]
    if gpu:
        rows += [
            row("GPU in use, share of the time", view.share(gpu["utilisation"])),
            row("Most GPU memory held", view.gibibytes(gpu["peak_memory_bytes"])),
            row("Energy of the GPU, J", view.plain(gpu["joules"], 0, UNREAD)),
        ]
    return Table("machine", (Column(""), Column("")), tuple(rows))


def _titles(study: Study) -> dict[str, str]:
    """What each stage is called in this study."""
    return STAGES | HANDED_IN if len(study.unwitnessed) == len(study.models) else STAGES
