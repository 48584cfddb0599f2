"""What a video's content credentials say: how it came to be, and by which program. Nothing else.

The words are those of the C2PA specification 2.x (section "Actions") and of the IPTC's digital source types.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SOURCE_TYPE = "compositeWithTrainedAlgorithmicMedia"
"""Real recordings put together with what trained networks made: that is what a lent voice on a real face is."""
SOURCE_TYPES = "http://cv.iptc.org/newscodes/digitalsourcetype/"

_TOOL = "lipsyncd"
_ACTIONS = "c2pa.actions.v2"
_PARENT = "parent"
_DONE = "The mouth of the person shown was made to follow a speech."


@dataclass(frozen=True)
class Claim:
    """What is said of one file.

    Attributes:
        version: Of lipsyncd.
        origin: What the face was dropped as. A video made from a video is an *edit* of that one; one made from a
            photo is *created*: its movements never were in any recording.
        title: Only what a person chose to be public; "" for none. It stays in the file wherever that goes.
    """

    version: str
    origin: Literal["photo", "video"]
    title: str = ""


def definition(claim: Claim, media_type: str) -> dict[str, object]:
    """Return the definition of the C2PA manifest.

    The first action has to be ``c2pa.created`` or ``c2pa.opened``, and what is opened has to be named as the parent
    ingredient. The parent stays bare of name, hash and picture: it is the person's own, and not published with this.

    Args:
        claim: What is said.
        media_type: Of the file that is signed.
    """
    agent = {"name": _TOOL, "version": claim.version}
    made = {"digitalSourceType": SOURCE_TYPES + SOURCE_TYPE, "softwareAgent": agent, "description": _DONE}
    edited = claim.origin == "video"
    actions: list[dict[str, object]] = [{"action": "c2pa.edited" if edited else "c2pa.created", **made}]
    if edited:
        actions.insert(0, {"action": "c2pa.opened", "parameters": {"ingredientIds": [_PARENT]}})
    parent = {"label": _PARENT, "relationship": "parentOf"}
    return {
        "claim_generator_info": [agent],
        "format": media_type,
        **({"title": claim.title} if claim.title else {}),
        **({"ingredients": [parent]} if edited else {}),
        "assertions": [{"label": _ACTIONS, "data": {"actions": actions}}],
    }
