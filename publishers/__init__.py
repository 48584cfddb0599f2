"""A finished file becomes a permanent address; this package knows no video.

The front door: everything another package may use is named here.
"""

from publishers.account import Account, accounts
from publishers.arweave.amount import ar
from publishers.audit import Finding, unchecked, verify
from publishers.base import (
    Announcer,
    Artifact,
    Beat,
    Examination,
    Examined,
    Gatherer,
    Parcel,
    Post,
    Publisher,
    Quote,
    QuoteLine,
    Quoter,
    Receipt,
    quietly,
)
from publishers.car import write_car
from publishers.cid import MEDIA_TYPES, directory_cid, identify, media_type
from publishers.claim import Claim
from publishers.contenthash import contenthash
from publishers.credentials import Signer, SigningOrder, credentials_of, examine_signer, sign
from publishers.entry import Credentials, Engine, Face, Label, Paper, Poster, Speech, Video, Weights
from publishers.errors import (
    ManifestError,
    Mismatch,
    Pending,
    PublisherError,
    PublishError,
    Refused,
    SigningCrash,
    SigningError,
    Unreachable,
    Unstorable,
)
from publishers.fetch import Fetched, Wanted, address, download, host
from publishers.manifest import SCHEMA, Directory, Failure, Manifest, Tool, read_manifest, write_manifest
from publishers.metadata import metadata, metadata_name, write_metadata
from publishers.post import announcement, post, write_post
from publishers.provenance import Provenance, Standing
from publishers.registry import broken, build, names
from publishers.secret import read_secret
from publishers.unixfs import LEGACY, MODERN, PROFILES

__all__ = [
    "LEGACY",
    "MEDIA_TYPES",
    "MODERN",
    "PROFILES",
    "SCHEMA",
    "Account",
    "Announcer",
    "Artifact",
    "Beat",
    "Claim",
    "Credentials",
    "Directory",
    "Engine",
    "Examination",
    "Examined",
    "Face",
    "Failure",
    "Fetched",
    "Finding",
    "Gatherer",
    "Label",
    "Manifest",
    "ManifestError",
    "Mismatch",
    "Paper",
    "Parcel",
    "Pending",
    "Post",
    "Poster",
    "Provenance",
    "PublishError",
    "Publisher",
    "PublisherError",
    "Quote",
    "QuoteLine",
    "Quoter",
    "Receipt",
    "Refused",
    "Signer",
    "SigningCrash",
    "SigningError",
    "SigningOrder",
    "Speech",
    "Standing",
    "Tool",
    "Unreachable",
    "Unstorable",
    "Video",
    "Wanted",
    "Weights",
    "accounts",
    "address",
    "announcement",
    "ar",
    "broken",
    "build",
    "contenthash",
    "credentials_of",
    "directory_cid",
    "download",
    "examine_signer",
    "host",
    "identify",
    "media_type",
    "metadata",
    "metadata_name",
    "names",
    "post",
    "quietly",
    "read_manifest",
    "read_secret",
    "sign",
    "unchecked",
    "verify",
    "write_car",
    "write_manifest",
    "write_metadata",
    "write_post",
]
