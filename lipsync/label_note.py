"""The implicit label: what the file says of itself to machines.

Two standards, one note: the seven fields of GB 45438-2025, annex E ("AIGC"), where the practice guides of 2025-08 want
them (TC260-PG-20257A for videos, -20259A for pictures), and the IPTC's digital source type in XMP.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape

KEY = "AIGC"
MADE = "1"
"""Field Label: 1 says that the content is generated or synthesised, 2 that it may be, 3 that it is suspected to be."""
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
"""IPTC NewsCodes: pictures that a person has made, with parts that a trained model has made."""
TOOL = "lipsyncd"
LARGEST = 1 << 20
"""Bytes of a note that is still read."""

_AIGC = "http://www.tc260.org.cn/ns/AIGC/1.0/"
_IPTC = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_XMP = "http://ns.adobe.com/xap/1.0/"


@dataclass(frozen=True)
class Note:
    """What is said.

    Attributes:
        number: Tells this content from any other: the SHA-256 of the video's coded sound and pictures, in hex.
        producer: The name or the code of who makes the video.
    """

    number: str
    producer: str = TOOL

    def aigc(self) -> str:
        """Give the JSON of annex E; whoever passes the file on fills in the propagator's fields."""
        fields = {
            "Label": MADE,
            "ContentProducer": self.producer,
            "ProduceID": self.number,
            "ReservedCode1": "",
            "ContentPropagator": "",
            "PropagateID": "",
            "ReservedCode2": "",
        }
        return json.dumps(fields, ensure_ascii=False, separators=(",", ":"))

    def xmp(self) -> bytes:
        """Give an XMP packet (ISO 16684-1) with the same, and the source type."""
        lines = (
            '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>',
            '<x:xmpmeta xmlns:x="adobe:ns:meta/">',
            f'<rdf:RDF xmlns:rdf="{_RDF}">',
            f'<rdf:Description rdf:about="" xmlns:xmp="{_XMP}" xmlns:Iptc4xmpExt="{_IPTC}" xmlns:TC260="{_AIGC}">',
            f"<xmp:CreatorTool>{TOOL}</xmp:CreatorTool>",
            f"<Iptc4xmpExt:DigitalSourceType>{SOURCE_TYPE}</Iptc4xmpExt:DigitalSourceType>",
            f"<TC260:AIGC>{escape(self.aigc())}</TC260:AIGC>",
            "</rdf:Description>",
            "</rdf:RDF>",
            "</x:xmpmeta>",
            '<?xpacket end="r"?>',
        )
        return "\n".join(lines).encode()


@dataclass(frozen=True)
class Declared:
    """What a file says of itself; nothing in it has been checked.

    Attributes:
        aigc: The fields of GB 45438-2025; {} where there are none.
        source_type: The IPTC source type; "" where there is none.
        number: What the coded sound and pictures of a video have as SHA-256 now; "" of other files.
    """

    aigc: dict[str, str]
    source_type: str = ""
    number: str = ""

    @property
    def labelled(self) -> bool:
        """It says that it was made by a machine."""
        return bool(self.aigc.get("Label")) or "lgorithmicMedia" in self.source_type

    @property
    def fits(self) -> bool | None:
        """Whether the label was written for this sound and these pictures; None where that cannot be said."""
        if not self.number or "ProduceID" not in self.aigc:
            return None
        return self.aigc["ProduceID"] == self.number


def fields_of(text: str) -> dict[str, str]:
    """Read the JSON of annex E, also where it is wrapped in a field of its own; {} where it is none."""
    try:
        data = json.loads(text)
    except ValueError:
        return {}
    data = data.get(KEY, data) if isinstance(data, dict) else {}
    return {str(name): str(value) for name, value in data.items()} if isinstance(data, dict) else {}


def packet_of(packet: bytes) -> Declared:
    """Read an XMP packet: values may be elements or attributes."""
    text = packet[:LARGEST].decode("utf-8", "replace")
    start, end = text.find("<x:xmpmeta"), text.rfind("</x:xmpmeta>")
    text = text[start : end + len("</x:xmpmeta>")]
    if "<!" in text:  # nobody needs entities here, and they can be made to fill the memory
        return Declared({})
    try:
        root = ElementTree.fromstring(text)  # noqa: S314
    except ElementTree.ParseError:
        return Declared({})
    said = {f"{{{_AIGC}}}{KEY}": "", f"{{{_IPTC}}}DigitalSourceType": ""}
    for element in root.iter():
        for name, value in ((element.tag, element.text), *element.attrib.items()):
            if name in said and value:
                said[name] = value.strip()
    aigc, source = said.values()
    return Declared(fields_of(aigc), source)
