"""Each level: its counts, how it differs from all others, and the largest gap."""

from __future__ import annotations

from collections.abc import Iterator

from validate.evidence.findings.finding import Finding
from validate.evidence.recount_number import Number
from validate.evidence.recount_table import ALL_BUT


def numbers(finding: Finding) -> Iterator[Number]:
    for e, endpoint in enumerate(finding.data["endpoints"]):
        for g, group in enumerate(endpoint["groups"]):
            at, readable = f"endpoints/{e}/groups/{g}", []
            for place, row in enumerate(group["rows"]):
                one = finding.estimate(row["estimate"])
                if one is None:
                    continue
                for name in ("n_patients", "n_events"):
                    yield from finding.number(f"{at}/rows/{place}/{name}", {**one, "take": name})
                others = {**one, "stratum": {group["attribute"]: f"{ALL_BUT}{row['level']}"}}
                yield from finding.number(f"{at}/rows/{place}/difference/value", (1.0, one), (-1.0, others))
                readable += [one] if row["why_greyed"] is None and one["value"] is not None else []
            yield from finding.number(f"{at}/gap/value", *readable, how="gap")
