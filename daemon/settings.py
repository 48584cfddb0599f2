"""Every setting, its default and its bounds: the sections of config.toml as frozen models.

Reads nothing but the environment (``LIPSYNCD_RENDER__ENGINE=null``); ``daemon.config`` adds the file, the command
line and messages for people. The order is command line, environment, file, default: the first that speaks holds.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextvars import ContextVar
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from daemon.environment import EnvironmentSource

if TYPE_CHECKING:
    from lipsync import Options

LAYERS: ContextVar[tuple[Mapping[str, Any], ...]] = ContextVar("LAYERS")
"""What stands below the arguments, first one first; ``daemon.config`` sets it while it builds the settings."""


def _folder(value: object) -> object:
    """Expand ``~`` and make a path absolute, so that a later change of directory changes nothing."""
    if not isinstance(value, str | Path):
        return value
    if not str(value):
        raise ValueError("it is empty; give a folder")
    try:
        return Path(value).expanduser().absolute()
    except RuntimeError as error:
        raise ValueError(f"the home folder of {value} is unknown; give an absolute path") from error


def _state_folder(value: object = "") -> Any:
    """Give the folder for the service's own files; "" stands for the usual place."""
    if value != "":
        return _folder(value)
    given = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
    if given:
        return _folder(given)
    base = os.environ.get("XDG_STATE_HOME", "")
    return _folder(f"{base}/lipsyncd" if base.startswith("/") else "~/.local/state/lipsyncd")


def _optional_folder(value: object) -> object:
    return None if value in ("", None) else _folder(value)


def _secret_file(value: object) -> object:
    """Accept the path of a file that holds a secret, never the secret; its text is never repeated in a message."""
    if value == "" or (isinstance(value, str) and value.startswith(("/", "~/")) and "\n" not in value):
        return value
    raise ValueError(
        "secrets do not belong here; put it into a file of mode 0600 and give that file's path, "
        "or leave this empty and hand it over as a systemd credential ($CREDENTIALS_DIRECTORY)"
    )


def _listed(value: object) -> object:
    """Read "a, b" as two entries, for the environment."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _rate(value: object) -> object:
    """Read 25, 29.97 and "30000/1001" exactly as written."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Fraction):
        raise ValueError('it should be a number of frames per second, such as 25 or "30000/1001"')
    try:
        return Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError) as error:
        raise ValueError('it should be a number of frames per second, such as 25 or "30000/1001"') from error


def _shown_rate(value: Fraction) -> int | str:
    return int(value) if value.denominator == 1 else str(value)


Folder = Annotated[Path, BeforeValidator(_folder)]
StateFolder = Annotated[Path, BeforeValidator(_state_folder)]
OptionalFolder = Annotated[Path | None, BeforeValidator(_optional_folder), PlainSerializer(lambda p: str(p or ""))]
SecretFile = Annotated[str, BeforeValidator(_secret_file)]
Names = Annotated[tuple[str, ...], BeforeValidator(_listed)]
Rate = Annotated[Fraction, BeforeValidator(_rate), PlainSerializer(_shown_rate), Field(ge=1, le=120)]
Seconds = Annotated[float, Field(ge=0)]
Count = Annotated[int, Field(ge=0)]


class Section(BaseModel):
    """One table of config.toml: frozen, and a key it does not know is a fault."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True, allow_inf_nan=False)


class Paths(Section):
    """Where the share and the service's own files are."""

    root: Folder = Path("~/lipsyncd")
    state: StateFolder = Field(default_factory=_state_folder)


class Inbox(Section):
    """When a drop counts as complete, and how it is noticed."""

    settle: Seconds = 5.0
    interval: Annotated[float, Field(gt=0)] = 10.0
    watch: Literal["auto", "events", "poll"] = "auto"
    mount_guard: bool = False


class Bounds(Section):
    """``[limits]``: what is refused before it can hurt; 0 switches a limit off."""

    audio_s: Seconds = 1800.0
    pixels: Count = 50_000_000
    file_bytes: Count = 4 * 1024**3
    free_bytes: Count = 1024**3
    take_timeout_s: Seconds = 7200.0


class Rendering(Section):
    """``[render]``: which engine, where it runs and what the video is like."""

    engine: str = "reshape"
    tracker: str = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    fps: Rate = Fraction(25)
    width: Count = 1920
    height: Count = 1920
    quality: Annotated[int, Field(ge=0, le=51)] = 18
    encoder: Literal["auto", "libx264", "h264_nvenc"] = "auto"
    attempts: Annotated[int, Field(ge=1, le=10)] = 2


class Label(Section):
    """A visible or embedded note that the video was made by a machine."""

    visible: bool = False
    text: str = "Made with AI"
    metadata: bool = False


class Credentials(Section):
    """Content credentials (C2PA): PEM files of the signer."""

    certificate: SecretFile = ""
    key: SecretFile = ""


class FolderTarget(Section):
    """``[publish.folder]``: a directory that keeps what is published, and the address under which it is seen."""

    path: OptionalFolder = None
    url: str = ""


class Ipfs(Section):
    """``[publish.ipfs]``: the node, and the layout under which CIDs are computed."""

    api: str = "http://127.0.0.1:5001"
    gateway: str = "https://ipfs.io"
    profile: Literal["unixfs-v1-2025", "legacy-v1-256k"] = "unixfs-v1-2025"
    pin: bool = True


class Pinning(Section):
    """One ``[[publish.pinning]]``: a service that speaks the IPFS Pinning Service API."""

    name: str
    endpoint: str
    token: SecretFile = ""


class Arweave(Section):
    """``[publish.arweave]``: where to pay, with what, and at most how much for one job."""

    gateway: str = "https://arweave.net"
    wallet: SecretFile = ""
    max_ar: Annotated[float, Field(ge=0)] = 0.1
    confirmations: Annotated[int, Field(ge=1)] = 10


class Publish(Section):
    """Where results go for good."""

    to: Names = ()
    review: bool = False
    manifest: bool = True
    folder: FolderTarget = Field(default_factory=FolderTarget)
    ipfs: Ipfs = Field(default_factory=Ipfs)
    pinning: tuple[Pinning, ...] = ()
    arweave: Arweave = Field(default_factory=Arweave)


class Notify(Section):
    """Who is told when a job ends."""

    urls: Names = ()


class Page(Section):
    """The page in a browser."""

    listen: str = ""
    password_file: SecretFile = ""


class Settings(BaseSettings):
    """All settings. ``Settings(paths={"root": "/srv/lipsync"})`` overrides the environment and the file."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True)

    paths: Paths = Field(default_factory=Paths)
    inbox: Inbox = Field(default_factory=Inbox)
    limits: Bounds = Field(default_factory=Bounds)
    render: Rendering = Field(default_factory=Rendering)
    label: Label = Field(default_factory=Label)
    credentials: Credentials = Field(default_factory=Credentials)
    publish: Publish = Field(default_factory=Publish)
    notify: Notify = Field(default_factory=Notify)
    page: Page = Field(default_factory=Page)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Put the sources in the order of the contract: command line, environment, file."""
        lower = LAYERS.get((EnvironmentSource(settings_cls)(),))
        return init_settings, *(InitSettingsSource(settings_cls, init_kwargs=dict(layer)) for layer in lower)

    def options(self, engine: str | None = None) -> Options:
        """Give what the renderer needs to know; ``engine`` replaces the configured one."""
        from lipsync import Limits, Options

        render, limits = self.render, self.limits
        return Options(
            engine=engine or render.engine,
            tracker=render.tracker,
            device=render.device,
            fps=render.fps,
            width=render.width,
            height=render.height,
            quality=render.quality,
            encoder=render.encoder,
            limits=Limits(audio_s=limits.audio_s, pixels=limits.pixels, file_bytes=limits.file_bytes),
        )

    def publisher(self, name: str) -> dict[str, object]:
        """Give the settings of one publisher, ``[publish.NAME]``; {} where there is no such table."""
        table = getattr(self.publish, name, None)
        return table.model_dump() if isinstance(table, Section) else {}
