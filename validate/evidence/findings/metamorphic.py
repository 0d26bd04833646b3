"""How many outputs moved that must not, of how many, and the largest change."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from validate.evidence import recount_moved
from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number


def numbers(finding: Finding) -> Iterator[Number]:
    for place, check in enumerate(finding.data["checks"]):
        at = f"checks/{place}"
        of: dict[str, Any] = {"pass": check["pass"]}
        one = finding.estimate(check["estimate"])
        if one is not None:
            for name, take in (("moved", "numerator"), ("compared", "denominator")):
                yield from finding.number(f"{at}/{name}", {**one, "take": take})
            known = recount_moved.check_of(one, finding.table.protocol)
            mirror = {} if known is None else dict(known.mirror)
            yield from finding.number(
                f"{at}/largest",
                finding.line("outputs.largest", **of, asked={"mirror": mirror, "check": check["check"]}),
            )
        yield from finding.number(f"{at}/not_made", finding.line("outputs.not_made", **of))
        for number, (reason, _) in enumerate(check["reasons"]):
            line = finding.line("outputs.not_made_because", **of, asked={"reason": reason})
            yield from finding.number(f"{at}/reasons/{number}/1", line)
