"""Media in and out: the only importer of PyAV."""

from lipsync.media.audio import Audio, open_speech
from lipsync.media.colour import Colour
from lipsync.media.frame import Box, Frame
from lipsync.media.source import Source, open_face

__all__ = ["Audio", "Box", "Colour", "Frame", "Source", "open_face", "open_speech"]
