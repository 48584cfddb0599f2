"""A render process that draws nothing: it speaks the protocol and does what the face file tells it to.

The first word in a face file: ``ok``, ``slow SECONDS``, ``held`` (until the bench releases it), ``meet NUMBER`` (until
so many takes were begun), ``no-face``, ``full`` (the disk), ``tired`` (passing),
``exit``, ``segv``, ``hang``, ``nonsense``, ``small`` (made, with a warning), ``empty`` (says done, made nothing),
``whole`` (refused, once released, unless the speech holds "the end"), ``real`` (the sample, a video that plays),
``once:WORD`` (only the first time).
Every take that is begun and every one that is finished is one line in the diary, the first argument.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import signal
import sys
import time
from pathlib import Path

DIARY = Path(sys.argv[1])
SAMPLE = Path(__file__).parents[2] / "daemon" / "sample"
HEARD: set[str] = set()


def note(what: str, request: dict[str, object]) -> None:
    with DIARY.open("a", encoding="utf-8") as file:
        entry = {"what": what, "face": Path(str(request["face"])).name, "pid": os.getpid(), "pick": request["pick"]}
        entry["who"] = Path(str(request.get("who", ""))).name
        entry |= {"at": time.monotonic(), "gpu": os.environ.get("CUDA_VISIBLE_DEVICES", "")}
        entry["cores"] = os.environ.get("LIPSYNC_CORES", "")
        file.write(json.dumps(entry) + "\n")


def say(answer: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(answer) + "\n")
    sys.stdout.flush()


def failed(kind: str, message: str, passing: bool = False) -> None:
    failure = {"type": kind, "message": message, "hint": "Do something about it.", "passing": passing}
    say({"failed": failure, "speeches_heard": len(HEARD)})


def misbehave(word: str) -> None:
    """End, hang or rave."""
    if word == "exit":
        os._exit(3)
    if word == "segv":
        os.kill(os.getpid(), signal.SIGSEGV)
    if word == "hang":
        time.sleep(600)
    if word == "nonsense":
        sys.stdout.write("x" * 3_000_000)
        sys.stdout.flush()


def flush(path: Path) -> None:
    """Make it last a power cut, as the studio does."""
    handle = os.open(path, os.O_RDONLY)
    os.fsync(handle)
    os.close(handle)


def make(request: dict[str, object], seconds: float) -> None:
    steps = max(1, int(seconds / 0.05))
    for step in range(steps):
        say({"progress": {"stage": "draw", "frame": step, "frames": steps}})
        time.sleep(seconds / steps)
    content = Path(str(request["face"])).read_bytes() + Path(str(request["speech"])).read_bytes()
    for name in ("poster", "video"):
        target = Path(str(request[name]))
        beside = target.with_name(f".{target.name}.part")
        try:
            if content.startswith(b"real"):
                shutil.copyfile(SAMPLE / f"astronaut{target.suffix}", beside)
            else:
                beside.write_bytes(name.encode() + b" of " + content)
            flush(beside)
            beside.replace(target)
            flush(target.parent)
        except OSError as error:  # as the real one does
            with contextlib.suppress(OSError):
                beside.unlink(missing_ok=True)
            failed("StorageError", f"{target.name} cannot be written: {error.strerror}", passing=True)
            return
    facts = {"seconds": 1.0, "speech_seconds": 0.99, "width": 64, "height": 64, "fps": "25", "frames": 25, "driven": 25}
    engine = {"engine": "fake", "version": "1", "weights": [{"name": "w", "sha256": "0" * 64, "licence": "MIT"}]}
    note("made", request)
    if content.startswith(b"small"):
        engine["warnings"] = ["the face is small (31 px between the eyes)"]
    say({"done": facts | engine, "speeches_heard": len(HEARD)})


def begun() -> int:
    return DIARY.read_text(encoding="utf-8").count('"what": "begun"')


def linger(face: Path, word: str, rest: str) -> None:
    """Be at work for as long as a test wants, however fast or slow the machine is."""
    while not DIARY.with_name(f"go {face.name}").exists() if word == "held" else begun() < int(rest.split()[0]):
        say({"progress": {"stage": "draw", "frame": 1, "frames": 2}})
        time.sleep(0.02)


def answer(request: dict[str, object]) -> None:
    face = Path(str(request["face"]))
    word, _, rest = face.read_text(encoding="utf-8").strip().partition(" ")
    HEARD.add(hashlib.sha256(Path(str(request["speech"])).read_bytes()).hexdigest())
    known = DIARY.exists() and f'"{face.name}"' in DIARY.read_text(encoding="utf-8")
    note("begun", request)
    if word.startswith("once:"):
        word = "ok" if known else word.partition(":")[2]
    misbehave(word)
    if word in ("held", "meet"):
        linger(face, word, rest)
    if word == "no-face":
        failed("NoFaceError", f"no face in {face.name}")
    elif word == "full":
        name = Path(str(request["video"])).name
        failed("StorageError", f"{name} cannot be written: the disk is full", passing=True)
    elif word == "tired":
        failed("EngineError", "the GPU is busy", passing=True)
    elif word == "whole" and "the end" not in Path(str(request["speech"])).read_text(encoding="utf-8"):
        linger(face, "held", "")
        failed("MediaError", "the speech is cut off")
    elif word == "empty":
        say({"done": {"seconds": 1, "speech_seconds": 1, "width": 2, "height": 2, "fps": "25", "frames": 1, "driven": 1,
                      "engine": "fake", "version": "1"}})  # fmt: skip
    else:
        make(request, float(rest.split()[0]) if word == "slow" else 0.0)


sys.stderr.write("the fake renderer is here\n")
sys.stderr.flush()
for line in sys.stdin:
    answer(json.loads(line))
