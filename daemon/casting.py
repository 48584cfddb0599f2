"""Which audio drives which face, decided by names alone; what is ambiguous is refused with the names in question."""

from __future__ import annotations

from collections.abc import Sequence

from daemon.errors import DropError
from daemon.name import key, shown

_ONE_PER_FACE = "Leave one audio file for all faces, or give each face one audio file of the same name."


def cast(audios: Sequence[str], faces: Sequence[str]) -> dict[str, str]:
    """Give the audio of each face.

    One audio drives all faces. Several audios drive the faces of the same name: ``alice.wav`` → ``alice.mp4``.

    Args:
        audios: File names.
        faces: File names.

    Raises:
        DropError: Something is missing, or which drives which is not clear.
    """
    if not audios:
        raise DropError(
            "there is no audio file in it", "Add one (wav, mp3, m4a, flac, ogg, opus or aac).", lacking=True
        )
    if not faces:
        raise DropError(
            "there is no face in it",
            "Add one or more photos (jpg, png, webp, bmp) or videos (mp4, mov, mkv, avi, webm, m4v).",
            lacking=True,
        )
    if len(audios) == 1:
        return dict.fromkeys(faces, audios[0])
    by_stem = _by_stem(audios)
    silent = [face for face in faces if _stem(face) not in by_stem]
    if silent:
        first, second = audios[0], audios[1]
        raise DropError(
            f"{shown(silent[0])} could be driven by {shown(first)} or by {shown(second)}", _ONE_PER_FACE, lacking=True
        )
    speaking = {_stem(face) for face in faces}
    mute = [audio for audio in audios if _stem(audio) not in speaking]
    if mute:
        other = next(audio for audio in audios if audio != mute[0])
        message = f"there are {len(audios)} audio files, {shown(other)} and {shown(mute[0])} among them"
        raise DropError(f"{message}, and no face is called like {shown(mute[0])}", _ONE_PER_FACE, lacking=True)
    return {face: by_stem[_stem(face)] for face in faces}


def _by_stem(audios: Sequence[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for audio in audios:
        other = found.setdefault(_stem(audio), audio)
        if other != audio:
            raise DropError(f"{shown(other)} and {shown(audio)} have the same name", _ONE_PER_FACE)
    return found


def _stem(name: str) -> str:
    return key(name.rpartition(".")[0])
