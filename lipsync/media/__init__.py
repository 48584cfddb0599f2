"""Media in and out: the only importer of PyAV."""

from lipsync.media.audio import Audio, open_speech
from lipsync.media.colour import Colour
from lipsync.media.frame import Box, Frame
from lipsync.media.poster import write_poster
from lipsync.media.probe import Facts, probe_video
from lipsync.media.source import Source, open_face
from lipsync.media.timeline import Timeline, timeline
from lipsync.media.writer import write_video

__all__ = [
    "Audio",
    "Box",
    "Colour",
    "Facts",
    "Frame",
    "Source",
    "Timeline",
    "open_face",
    "open_speech",
    "probe_video",
    "timeline",
    "write_poster",
    "write_video",
]
