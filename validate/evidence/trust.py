"""Whose word the reader takes: certificates of signers, of authorities above them, and of authorities that stamp the time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from validate.errors import EvidenceError
from validate.provenance.certificate import fingerprint, stamps_times, vouched_for
from validate.provenance.timestamp import Stamp, check_stamp, stamp_of

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


@dataclass(frozen=True, slots=True)
class Trust:
    """named : as the reader gave them, in any order"""

    named: tuple[Certificate, ...] = ()

    def of_signer(self, chain: Sequence[Certificate]) -> bool:
        """Whether the holder of the first certificate is one of them, or vouched for by one of them."""
        return vouched_for(chain, [one for one in self.named if not stamps_times(one)])

    def stamp(self, token: bytes, content: bytes) -> Stamp | None:
        """The time that a trusted authority put on these bytes; None where it is somebody else's.

        Raises EvidenceError where the stamp is of other bytes, or is none: whoever made it.
        """
        check_stamp(token, content)
        for one in self.named:
            try:
                return stamp_of(token, content, one)
            except EvidenceError:
                continue
        return None

    def asks_for_signers(self, stamps: Sequence[Stamp]) -> bool:
        """Whether one of them is there for signatures, and not only because it stamped a time."""
        stamping = {one.root for one in stamps}
        return any(not stamps_times(one) and fingerprint(one) not in stamping for one in self.named)
