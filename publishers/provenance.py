"""What a file's content credentials turn out to be when they are looked at."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Standing(StrEnum):
    """What can be said of the content credentials in a file."""

    NONE = "none"
    VALID = "valid"
    TRUSTED = "trusted"
    TAMPERED = "tampered"
    INVALID = "invalid"


@dataclass(frozen=True)
class Provenance:
    """The content credentials (C2PA) of one file.

    Attributes:
        file: Its name.
        state: "none"; "valid": unchanged since it was signed, by somebody whom nobody vouches for here; "trusted": so,
            and the signer is one of those that were named as trusted; "tampered": changed since it was signed;
            "invalid": the signature does not count (its certificate has expired, …) or cannot be read.
        issuer: Whom the certificate names; anybody can make one that names anybody.
        expected: The certificate is one of those that were expected; False where none were.
        serial: The certificate's serial number, decimal, or "".
        actions: What was done, in order ("c2pa.created").
        source: The digital source type, short ("compositeWithTrainedAlgorithmicMedia"), or "".
        tool: Program and version that made the claim, or "".
        title: As it was signed, or "".
        reason: What is wrong, one line, or "".
    """

    file: str
    state: Standing
    issuer: str = ""
    expected: bool = False
    serial: str = ""
    actions: tuple[str, ...] = ()
    source: str = ""
    tool: str = ""
    title: str = ""
    reason: str = ""

    def __str__(self) -> str:
        """Say it to a person."""
        said = {
            Standing.NONE: "has no content credentials",
            Standing.VALID: f"is unchanged since {self.issuer} signed it; nobody vouches for that name here",
            Standing.TRUSTED: f"is unchanged since {self.issuer} signed it, and that signer is trusted here",
            Standing.TAMPERED: f"was changed after {self.issuer or 'somebody'} signed it ({self.reason})",
            Standing.INVALID: f"has content credentials that do not count ({self.reason})",
        }[self.state]
        return f"{self.file} {said}"
