"""A training that was broken off ends with the weights of one that ran through."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from validate.phantoms import train_nodules
from validate.phantoms.checkpoint import Checkpoint


@pytest.mark.slow
def test_a_training_goes_on_where_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(train_nodules, "BOX", (8, 8, 8))
    kept = tmp_path / "unfinished"
    through = train_nodules.trained(2, 2)
    keep = Checkpoint.keep

    def broken(self: Checkpoint, epochs: int) -> None:
        keep(self, epochs)
        if epochs == 1:
            raise KeyboardInterrupt

    monkeypatch.setattr(Checkpoint, "keep", broken)
    with pytest.raises(KeyboardInterrupt):
        train_nodules.trained(2, 2, kept)
    again = train_nodules.trained(2, 2, kept)
    for one, other in zip(through.state_dict().values(), again.state_dict().values(), strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=0)
