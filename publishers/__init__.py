"""A finished file becomes a permanent address; this package knows no video.

The front door: everything another package may use is named here.
"""

from publishers.audit import Finding, unchecked, verify
from publishers.base import Artifact, Publisher, Receipt
from publishers.cid import MEDIA_TYPES, directory_cid, identify, media_type
from publishers.errors import (
    ManifestError,
    Mismatch,
    PublisherError,
    PublishError,
    Refused,
    Unreachable,
)
from publishers.manifest import (
    SCHEMA,
    Directory,
    Engine,
    Face,
    Failure,
    Manifest,
    Poster,
    Speech,
    Tool,
    Video,
    Weights,
    read_manifest,
    write_manifest,
)
from publishers.post import post, write_post
from publishers.registry import broken, build, names
from publishers.unixfs import LEGACY, MODERN, PROFILES

__all__ = [
    "LEGACY",
    "MEDIA_TYPES",
    "MODERN",
    "PROFILES",
    "SCHEMA",
    "Artifact",
    "Directory",
    "Engine",
    "Face",
    "Failure",
    "Finding",
    "Manifest",
    "ManifestError",
    "Mismatch",
    "Poster",
    "PublishError",
    "Publisher",
    "PublisherError",
    "Receipt",
    "Refused",
    "Speech",
    "Tool",
    "Unreachable",
    "Video",
    "Weights",
    "broken",
    "build",
    "directory_cid",
    "identify",
    "media_type",
    "names",
    "post",
    "read_manifest",
    "unchecked",
    "verify",
    "write_manifest",
    "write_post",
]
