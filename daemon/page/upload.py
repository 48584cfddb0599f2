"""Drop: files are uploaded into a tray, and become a folder in the inbox at once when all of them are here.

Single files follow the protocol tus 1.0.0 with its extensions creation and termination, but for OPTIONS, which the page
does not answer: POST announces a file (``Upload-Length``, ``Upload-Metadata``), HEAD says how much of it is here, PATCH
sends more from there on, DELETE removes it. Around it are forms of our own: begin a tray, look at it, move it, cancel.
"""

from __future__ import annotations

import base64
import binascii
from functools import partial

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from daemon.choice import choices
from daemon.errors import DropError
from daemon.page import upload_plain
from daemon.page.layout import Entry, back, flash, form_of, house_of, render, speaker_of, told
from daemon.page.upload_check import check_content, check_file, cut_off, verdict
from daemon.page.upload_desk import finish, store_of
from daemon.page.upload_order import offered
from daemon.page.upload_refusal import Refusal
from daemon.page.upload_sink import room_for
from daemon.page.upload_store import IDLE
from daemon.page.upload_stream import pour
from daemon.page.upload_tray import Piece, Tray
from lipsync import AUDIO_SUFFIXES, PHOTO_SUFFIXES, VIDEO_SUFFIXES

ENTRY = Entry("/drop", "upload.nav")
STREAMS = ("/drop/up/", "/drop/form")
TUS = {"Tus-Resumable": "1.0.0"}
_KIND = "application/offset+octet-stream"
_PATH = 4096
_HEAD = 512
ACCEPTED = ",".join([*sorted(AUDIO_SUFFIXES | PHOTO_SUFFIXES | VIDEO_SUFFIXES), "audio/*", "video/*", "image/jpeg"])


def show(request: Request) -> Response:
    """Show where things are dropped, and what was begun and not finished."""
    house, store = house_of(request), store_of(request)
    store.sweep()
    begun = [(tray, pieces) for tray in store.trays() if (pieces := tray.pieces())]
    offer = offered(house.settings, choices(house.settings))
    facts = {"offer": offer, "begun": begun, "hours": round(IDLE / 3600), "accepted": ACCEPTED, "share": _share}
    return render(request, "upload.html", **facts, until=lambda tray: tray.touched() + IDLE)


def begin(request: Request) -> Response:
    """Begin a tray."""
    with room_for(house_of(request).root):
        tray = store_of(request).begin()
    return JSONResponse({"id": tray.id}, 201)


def look(request: Request) -> Response:
    """Say what is in a tray, and what would come of it."""
    tray = store_of(request).find(request.path_params["tray"])
    judged = verdict(tray, choices(house_of(request).settings))
    fault, say = judged.fault, partial(told, speaker_of(request).language)
    said = {
        "landed": tray.landed,
        "files": [{**_facts(piece), "address": _address(tray, piece)} for piece in tray.pieces()],
        "pairs": judged.pairs,
        "fault": fault and {"message": say(fault.message), "hint": say(fault.hint), "lacking": fault.lacking},
    }
    return JSONResponse(said)


def announce(request: Request) -> Response:
    """Make room for a file."""
    _tus(request)
    house, store = house_of(request), store_of(request)
    tray = store.find(request.path_params["tray"])
    told = _metadata(request.headers.get("upload-metadata", ""))
    length = _number(request, "upload-length")
    try:
        name = check_file(told.get("filename", ""), length, house.settings.limits.file_bytes)
    except DropError as error:
        raise Refusal.of(error) from error
    with room_for(tray.home, house.settings.limits.free_bytes, store.outstanding() + length):
        piece = tray.announce(name, length, told.get("mtime", ""))
    headers = {"Location": _address(tray, piece), "Upload-Offset": str(piece.offset)}
    return Response(status_code=201, headers=TUS | headers)


def ask(request: Request) -> Response:
    """Say how much of a file is here."""
    _tus(request)
    _, piece = _piece(request)
    return Response(headers=TUS | {"Upload-Offset": str(piece.offset), "Upload-Length": str(piece.length)})


async def send(request: Request) -> Response:
    """Take more of a file."""
    _tus(request)
    tray, piece = await run_in_threadpool(_piece, request)
    if request.headers.get("content-type", "") != _KIND:
        raise HTTPException(415)
    offset = _number(request, "upload-offset")
    headers = dict(TUS)
    if piece.whole:
        if offset != piece.length:
            raise Refusal(409, "upload.wrong.offset")
        position = piece.length
    else:
        spare = house_of(request).settings.limits.free_bytes
        position = await pour(request, tray.part(piece), offset, piece.length, spare)
        if offset < _HEAD or position == piece.length:
            await run_in_threadpool(_judge, tray, piece)
        if position == piece.length:
            headers |= await run_in_threadpool(_complete, request, tray, piece.tag)
    return Response(status_code=204, headers=headers | {"Upload-Offset": str(position)})


def remove(request: Request) -> Response:
    """Remove a file."""
    _tus(request)
    tray, piece = _piece(request)
    tray.forget(piece)
    return Response(status_code=204, headers=TUS)


async def move(request: Request) -> Response:
    """Have a tray become a folder in the inbox."""
    form = await form_of(request)
    tray = await run_in_threadpool(store_of(request).find, request.path_params["tray"])
    name = await run_in_threadpool(finish, request, tray, form)
    flash(request, "upload.said.dropped", name=name)
    if "application/json" in request.headers.get("accept", ""):
        return JSONResponse({"folder": name, "next": "/"})
    return back(request, "/")


def cancel(request: Request) -> Response:
    """Remove a tray."""
    store = store_of(request)
    tray = store.find(request.path_params["tray"])
    if not tray.landed:
        store.discard(tray)
        flash(request, "upload.said.discarded")
    if "application/json" in request.headers.get("accept", ""):
        return Response(status_code=204)
    return back(request, "/drop")


def _judge(tray: Tray, piece: Piece) -> None:
    """Look how a file begins; one that is none of ours goes at once."""
    try:
        check_content(tray, piece)
    except Refusal:
        tray.forget(piece)
        raise


def _complete(request: Request, tray: Tray, tag: str) -> dict[str, str]:
    piece = tray.piece(tag)
    if not piece.whole:
        with room_for(tray.home):
            tray.complete(piece, store_of(request).inbox)
    return {"X-Upload-Cut-Off": "yes"} if cut_off(tray, tray.piece(tag)) else {}


def _piece(request: Request) -> tuple[Tray, Piece]:
    tray = store_of(request).find(request.path_params["tray"])
    return tray, tray.piece(request.path_params["tag"])


def _address(tray: Tray, piece: Piece) -> str:
    return f"/drop/up/{tray.id}/{piece.tag}"


def _facts(piece: Piece) -> dict[str, object]:
    return {name: getattr(piece, name) for name in ("name", "length", "mtime", "offset", "whole")}


def _share(pieces: list[Piece]) -> int:
    """Say how much of some files is here, of a hundred."""
    return 100 * sum(piece.offset for piece in pieces) // max(1, sum(piece.length for piece in pieces))


def _tus(request: Request) -> None:
    if request.headers.get("tus-resumable", "") != TUS["Tus-Resumable"]:
        raise HTTPException(412, headers={"Tus-Version": TUS["Tus-Resumable"]})


def _number(request: Request, header: str) -> int:
    text = request.headers.get(header, "")
    if not (text.isascii() and text.isdigit() and len(text) < 16):
        raise HTTPException(400)
    return int(text)


def _metadata(text: str) -> dict[str, str]:
    """Read what is told of a file: names, each with a text in base64."""
    told = {}
    for pair in text.split(","):
        name, _, value = pair.strip().partition(" ")
        try:
            told[name] = base64.b64decode(value, validate=True)[:_PATH].decode()
        except (binascii.Error, ValueError) as error:
            raise HTTPException(400) from error
    return told


ROUTES: list[BaseRoute] = [
    Route("/drop", show),
    Route("/drop/new", begin, methods=["POST"]),
    Route("/drop/form", upload_plain.drop, methods=["POST"]),
    Route("/drop/{tray}", look),
    Route("/drop/{tray}", move, methods=["POST"]),
    Route("/drop/{tray}/cancel", cancel, methods=["POST"]),
    Route("/drop/{tray}/files", announce, methods=["POST"]),
    Route("/drop/up/{tray}/{tag}", ask, methods=["HEAD"]),
    Route("/drop/up/{tray}/{tag}", send, methods=["PATCH"]),
    Route("/drop/up/{tray}/{tag}", remove, methods=["DELETE"]),
]
