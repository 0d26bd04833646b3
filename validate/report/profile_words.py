"""What a verdict means to each reader: the hospital that accepts, the reviewer of a submission, whoever chooses between models.

A profile changes these words and the order of sections, never a number.
"""

from __future__ import annotations

from validate.analyses.analysis import ANSWERED
from validate.report.study import Study

UNDECIDED = "INCONCLUSIVE"
KINDS = {"acceptance": "Acceptance test", "submission": "Validation report", "comparison": "Comparison of models"}
MEANING = {
    "acceptance": {
        "PASS": "For the department: what was asked for beforehand was shown on its own cases. Use within the conditions below.",
        "FAIL": "For the department: something that was asked for was shown not to hold. On this evidence, do not put it to use.",
        UNDECIDED: "For the department: these cases decide nothing: no failure and no leave to use it.",
        "": "For the department: nothing was asked for beforehand, so nothing is accepted or refused here.",
    },
    "submission": {
        "PASS": "For the reviewer: every criterion fixed beforehand is met. This supports the claims it was tied to, and no others.",
        "FAIL": "For the reviewer: a criterion fixed beforehand is missed. What is claimed is not supported by this study.",
        UNDECIDED: "For the reviewer: the study neither supports what is claimed nor refutes it.",
        "": "For the reviewer: no criterion was fixed beforehand, so this study supports no claim; it describes.",
    },
    "comparison": {
        "PASS": "For whoever chooses: what was asked for is shown. Which model is better, only differences tell (section R20).",
        "FAIL": "For whoever chooses: something asked for is missed; the table says by which model. Differences: section R20.",
        UNDECIDED: "For whoever chooses: these cases do not settle all that was asked for. Differences of the models stand in section R20.",
        "": "For whoever chooses: nothing was asked for beforehand. The differences of the models stand in section R20.",
    },
}  # fmt: skip
# What would settle a criterion that is undecided, by its reason; where the lock assumed a value, the size of a new study is computed.
SIZED = "a new study of the size that stands with its reason"
SETTLES = {
    "straddles_goal": "a new, larger study (its size was not planned: the lock assumes no value)",
    "too_few": "a new study with more cases",
    "level_too_few": "a new study with more cases of the groups that are too small",
    "level_missing": "the same cases with the group of every one known",
    "undefined": "cases on which the measure is defined",
    "zero_width_interval": "more cases, so that not every answer is alike",
    "earlier_not_met": "a study in which what stands before it in the order is met",
    "adjusted_p_too_large": "a new, larger study of the same hypotheses",
}
USE = {
    "acceptance": "What it may be used for", "submission": "What the evidence extends to",
    "comparison": "What each may be used for",
}  # fmt: skip
CRITERIA = {
    "acceptance": "What the department asked for before anyone had looked, and whether it was shown.",
    "submission": "Each criterion as the locked protocol words it, held against the limit of its interval; an estimate by itself "
    "decides nothing.",
    "comparison": "The same criteria for every model, on the same cases. That one model meets a criterion and another does not is "
    "no proof that it is the better one: only the limits of their difference tell, in section R20.",
}  # fmt: skip
LIMITS = {
    "acceptance": "The conditions under which the department may rely on this, and what ends them.",
    "submission": "What this study cannot show, and what therefore must not be claimed from it.",
    "comparison": "What holds for every model alike, and is no ground for preferring one.",
}


def kind(study: Study) -> str:
    """What this is to its reader: what accepts nothing, or compares nothing, is not called a test or a comparison."""
    if study.exploratory:
        return "Exploratory study"
    if study.profile == "acceptance" and not study.sealed.verdict["criteria"]:
        return "Study without criteria"
    if study.profile == "comparison" and len(study.models) == 1:
        return "Study of one model"
    return KINDS[study.profile]


def work(study: Study) -> str:
    """As literature is searched for it; against a comparator there is agreement, and accuracy is not known."""
    if study.comparator:
        return "AI validation by agreement with a comparator"
    return "AI diagnostic-accuracy validation" if study.protocol["task"].text in ANSWERED else "AI validation"


def reader(study: Study) -> str:
    """The profile; who would choose has nothing to choose from where there is one model, and reads it as a reviewer does."""
    return "submission" if study.profile == "comparison" and len(study.models) == 1 else study.profile


def meaning(study: Study) -> str:
    """Of this study's verdict, for the reader of its profile; of an exploratory one, that it is none."""
    if study.exploratory:
        return "Nothing was fixed before the first look, so none of this is a basis for a decision."
    words = MEANING[reader(study)]
    settles = settled_by(study)
    said = words[study.sealed.verdict["outcome"].text or ""]
    return f"{said} What would settle it: {settles}." if settles else said


def settled_by(study: Study) -> str:
    """What would settle the criteria that leave the verdict open, each way once; empty where it is not open."""
    if study.sealed.verdict["outcome"].text != UNDECIDED:
        return ""
    undecided = [
        one for one in study.sealed.verdict["criteria"]
        if one["outcome"].text == UNDECIDED and one["role"].text != "secondary"
    ]  # fmt: skip
    ways = (
        SIZED if one["new_study_n"].value is not None else SETTLES.get(one["reason"].text, "a new study")
        for one in undecided
    )
    return "; ".join(dict.fromkeys(ways))
