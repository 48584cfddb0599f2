"""Every setting, its default and its bounds: the sections of config.toml as frozen models.

Reads nothing but the environment (``LIPSYNCD_RENDER__ENGINE=null``); ``daemon.config`` adds the file, the command
line and messages for people. The order is command line, environment, file, default: the first that speaks holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from daemon.environment import EnvironmentSource
from daemon.fields import (
    Count,
    Events,
    Folder,
    Listen,
    Mirrors,
    Name,
    Names,
    OptionalPath,
    Places,
    Rate,
    Schedule,
    Seconds,
    SecretFile,
    StateFolder,
    Umask,
    WebAddress,
    Words,
    state_folder,
)
from daemon.section import Section
from daemon.settings_publish import Publish

if TYPE_CHECKING:
    from lipsync import Options

LAYERS: ContextVar[tuple[Mapping[str, Any], ...]] = ContextVar("LAYERS")
"""What stands below the arguments, first one first; ``daemon.config`` sets it while it builds the settings."""


class Paths(Section):
    """Where the share and the service's own files are."""

    root: Folder = Path("~/lipsyncd")
    state: StateFolder = Field(default_factory=state_folder)
    weights: OptionalPath = None
    umask: Umask = ""


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
    silence_s: Seconds = 1800.0
    memory_bytes: Count = 8 * 1024**3
    output_bytes: Count = 16 * 1024**3


class Wav2Lip(Section):
    """``[render.wav2lip]``: which weights the engine "wav2lip" takes."""

    checkpoint: str = ""


class Command(Section):
    """``[render.command]``: the program behind the engine "command"."""

    argv: Names = ()
    timeout_s: Seconds = 3600.0
    confined: bool = True


class Rendering(Section):
    """``[render]``: which engine, where it runs and what the video is like."""

    engine: str = "reshape"
    wav2lip: Wav2Lip = Field(default_factory=Wav2Lip)
    command: Command = Field(default_factory=Command)
    tracker: str = "auto"
    device: Literal["auto", "cpu", "cuda"] = "auto"
    processes: Annotated[int, Field(ge=0, le=64)] = 0
    fps: Rate = Fraction(25)
    width: Count = 1920
    height: Count = 1920
    quality: Annotated[int, Field(ge=0, le=51)] = 18
    encoder: Literal["auto", "libx264", "h264_nvenc"] = "auto"
    attempts: Annotated[int, Field(ge=1, le=10)] = 2
    hours: Schedule = ""
    confined: bool = True
    readable: Names = ()


class Models(Section):
    """``[models]``: where weights are fetched from, when somebody asks for it."""

    mirrors: Mirrors = ()
    publishers: bool = True


class Label(Section):
    """``[label]``: how a result says that a machine made it, to people and to programs."""

    visible: bool = False
    style: Literal["corner", "opening"] = "corner"
    preset: Literal["", "eu", "cn"] = ""
    text: Words = ""
    font: OptionalPath = None
    metadata: bool = True
    producer: Name = ""


class Credentials(Section):
    """``[credentials]``: content credentials (C2PA) and the PEM files of who signs them."""

    sign: bool = True
    certificate: OptionalPath = None
    key: SecretFile = ""


class Done(Section):
    """``[done]``: how long finished jobs stay."""

    keep_days: Count = 0
    keep_inputs: bool = True


class Notify(Section):
    """``[notify]``: who is told of what becomes of a job."""

    urls: Places = ()
    on: Events = ("done", "failed", "review", "published")
    posters: bool = True
    language: Literal["en", "zh"] = "en"


class Metrics(Section):
    """``[metrics]``: where Prometheus may ask."""

    listen: Listen = ""


class Page(Section):
    """``[page]``: the jobs in a browser."""

    listen: Listen = ""
    password_file: SecretFile = ""
    hosts: Names = ()
    proxy: bool = False
    url: WebAddress = ""


class Settings(BaseSettings):
    """All settings. ``Settings(paths={"root": "/srv/lipsync"})`` overrides the environment and the file."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid", validate_default=True)

    paths: Paths = Field(default_factory=Paths)
    inbox: Inbox = Field(default_factory=Inbox)
    limits: Bounds = Field(default_factory=Bounds)
    render: Rendering = Field(default_factory=Rendering)
    models: Models = Field(default_factory=Models)
    label: Label = Field(default_factory=Label)
    credentials: Credentials = Field(default_factory=Credentials)
    publish: Publish = Field(default_factory=Publish)
    done: Done = Field(default_factory=Done)
    metrics: Metrics = Field(default_factory=Metrics)
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

    @property
    def weights(self) -> Path:
        """The folder of the weights that the user has brought."""
        return self.paths.weights or self.paths.state / "weights"

    def options(self, engine: str | None = None) -> Options:
        """Give what the renderer needs to know; ``engine`` replaces the configured one."""
        from lipsync import Limits, Marks, Options, Program

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
            marks=Marks(**self.label.model_dump() | {"font": str(self.label.font or "")}),
            weights=self.weights,
            checkpoint=render.wav2lip.checkpoint,
            program=Program(render.command.argv, render.command.timeout_s),
            preview=bool(self.page.listen),
        )

    def publisher(self, name: str) -> dict[str, object]:
        """Give the settings of one publisher; {} where there are none."""
        spare = {"spare": self.limits.free_bytes} if name == "folder" else {}
        return self.publish.of(name) | spare
