"""What the commented protocol says otherwise where a study asks of several classes, grades or findings."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Targeted:
    """labels : of the reference      output : after its activation and kind      scores : of a table of predictions
    operating_point, decision : in place of a threshold, and of endpoints and goals
    """

    labels: str
    output: str
    scores: str
    activation: str
    operating_point: str
    decision: str


ORDINAL = Targeted(
    labels="""\
  label: grade                    # column with the grade
  grades: [0, 1, 2, 3]            # every grade, in rising order
  headline: at_least_2            # the yes-or-no question of the first page, the curves and calibration
""",
    output="columns: [0, 1, 2, 3]",
    scores="    scores: {0: p0, 1: p1, 2: p2, 3: p3}     # or score: one column, and operating_point: {cuts: [0.5, 1.5, 2.5], …}\n",
    activation="softmax",
    operating_point="{rule: argmax, source: manufacturer labelling}",
    decision="""\
endpoints:
  - {id: quadratic_kappa, metric: ordinal.quadratic_kappa, role: primary, rationale: Agreement beyond chance.}
  - {id: sensitivity, metric: classification.sensitivity, target: at_least_2, role: primary, rationale: A miss is the main harm.}
  - {id: specificity, metric: classification.specificity, target: at_least_2, role: secondary}
  - {id: within_one, metric: ordinal.within_one, role: secondary}
  - {id: graded_too_low, metric: ordinal.undergraded, role: secondary}

acceptance:                       # PASS when the lower 95% limit reaches the goal, FAIL when the upper one misses it
  - {endpoint: quadratic_kappa, limit: lower, at_least: 0.75, rationale: Agreement of two trained graders.}
  - {endpoint: sensitivity, limit: lower, at_least: 0.80, assumed: 0.90, rationale: Agreed with the clinical lead.}

report: {formats: [pdf, html]}
""",
)
MULTICLASS = Targeted(
    labels="""\
  label: diagnosis                # column with the class
  classes: [none, benign, malignant]      # every class that the column may hold
  headline: malignant             # the class that the first page, the curves and calibration speak of, against the rest
""",
    output="columns: [none, benign, malignant]",
    scores="    scores: {none: p_none, benign: p_benign, malignant: p_malignant}\n",
    activation="softmax",
    operating_point="{rule: argmax, source: manufacturer labelling}",
    decision="""\
endpoints:
  - {id: m, metric: multiclass.hand_till_auroc, role: primary, rationale: Threshold-free discrimination of all classes.}
  - {id: sensitivity, metric: classification.sensitivity, target: malignant, role: primary, rationale: A miss is the main harm.}
  - {id: specificity, metric: classification.specificity, target: each, role: secondary}    # each: one for every class
  - {id: balanced_accuracy, metric: multiclass.balanced_accuracy, role: secondary}

acceptance:                       # PASS when the lower 95% limit reaches the goal, FAIL when the upper one misses it
  - {endpoint: m, limit: lower, at_least: 0.80, rationale: Below the published reader average.}
  - {endpoint: sensitivity, limit: lower, at_least: 0.80, assumed: 0.90, rationale: Agreed with the clinical lead.}

report: {formats: [pdf, html]}
""",
)
MULTILABEL = Targeted(
    labels="""\
  findings:                       # each with a column of its own
    effusion: {label: effusion, positive: 1, negative: 0}
    nodule: {label: nodule, positive: 1, negative: 0, indeterminate_values: [unclear]}
  headline: nodule                # the finding that the first page, the curves and calibration speak of
""",
    output="columns: [effusion, nodule]",
    scores="    scores: {effusion: p_effusion, nodule: p_nodule}\n",
    activation="sigmoid",
    operating_point="{thresholds: {effusion: 0.5, nodule: 0.3}, source: manufacturer labelling}",
    decision="""\
endpoints:                        # target: each stands for every finding
  - {id: auroc, metric: classification.auroc, target: each, role: primary, rationale: Threshold-free discrimination.}
  - {id: sensitivity, metric: classification.sensitivity, target: each, role: secondary}
  - {id: specificity, metric: classification.specificity, target: each, role: secondary}

acceptance:                       # PASS when the lower 95% limit reaches the goal, FAIL when the upper one misses it
  - {endpoint: auroc, limit: lower, at_least: 0.80, rationale: Below the published reader average.}

report: {formats: [pdf, html]}
""",
)
TARGETED = {"multiclass": MULTICLASS, "multilabel": MULTILABEL, "ordinal": ORDINAL}
