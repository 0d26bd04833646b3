"""Run by an ordinary user in a mount namespace of its own: a model in a container of rootless podman; prints what came back as JSON."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path


def main() -> None:
    folder, images = Path(sys.argv[1]), json.loads(sys.argv[2])
    sys.path.insert(0, str(Path(__file__).parent))
    from test_container_podman import PROBE, imported

    from validate.canonical import file_digest
    from validate.cohort.case import Case
    from validate.models.adapter import Batch
    from validate.models.child_host import ModelCrashed
    from validate.models.container import ADAPTER
    from validate.protocol.model import Model

    cases = tuple(
        Case(
            unit=f"unit-{number}", patient="p", study="s", series="e", digest="0" * 64, attributes={}, has_label=True,
            files=(Path(one),), keys={"case_id": f"A{number}"},
        )
        for number, one in enumerate(images)
    )  # fmt: skip

    def told(name: str, program: str, **options: object) -> object:
        archive = imported(folder, name, program)
        block = Model.model_validate(
            {
                "id": "m", "name": "Tiny", "version": "1", "format": "container", "path": archive.name,
                "sha256": file_digest(archive), "output": {"activation": "none", "kind": "score"},
                "options": {"engine": "podman", **options},
            }
        )  # fmt: skip
        loaded = ADAPTER.load(block, base=archive.parent, device="cpu")
        try:
            results = loaded.predict(Batch(cases))
        except ModelCrashed as crash:
            return str(crash)
        finally:
            loaded.close()
        return {
            "results": [getattr(one, "scores", None) or [one.reason, one.detail] for one in results],
            "notes": list(loaded.identity.notes),
        }

    tiny = (Path(__file__).parent / "tiny_container.sh").read_text()
    flood = "#!/bin/sh\nhead -c 900000000 /dev/zero | tail -c 900000000 > /dev/null || exit 137\n"
    found = {
        "user": os.getuid(),
        "tiny": told("tiny", tiny, gives="mha"),
        "probe": told("probe", PROBE),
        "hungry": told("hungry", flood, limits={"memory": "128m"}),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
