"""Plain: the whole form sent at once by a browser without script: a tray that lives as long as the request."""

from __future__ import annotations

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from daemon.errors import DaemonError, DropError
from daemon.page.layout import back, flash, house_of
from daemon.page.upload_check import check_content, check_file
from daemon.page.upload_desk import finish, store_of
from daemon.page.upload_form import Part, read_form
from daemon.page.upload_refusal import Refusal
from daemon.page.upload_sink import Sink, room_for
from daemon.page.upload_tray import Piece, Tray

_LEFT_OUT = 415
"""The status of what is no reason to refuse the rest."""


class Collection:
    """The files of one form, as they come.

    Attributes:
        tray: Where they are.
        folder: What the folder is called that they come from, or "".
        fault: What is wrong with them; nothing more is written then, but the rest is listened to, or the browser would
            only say that the connection was lost.
    """

    def __init__(self, request: Request, tray: Tray) -> None:
        self.tray = tray
        self.folder = ""
        self.fault: DaemonError | None = None
        self._limits = house_of(request).settings.limits
        self._inbox = store_of(request).inbox
        self._part: Part | None = None
        self._piece: Piece | None = None
        self._sink: Sink | None = None

    async def take(self, part: Part, data: bytes | None) -> None:
        """Take some bytes of a file, or its end."""
        if self.fault is not None:
            return
        try:
            if part is not self._part:
                self._part, self._piece = part, None
                await run_in_threadpool(self._begin, part)
            if self._sink is None or self._piece is None:
                return
            if data is None:
                await self._end(self._piece, self._sink)
            else:
                await self._more(self._sink, data)
        except DaemonError as error:
            self._left_out(error)
            self.close()

    def close(self) -> None:
        """Let go of the file that is written."""
        if self._sink is not None:
            self._sink.close()
            self._sink = None

    def _left_out(self, error: DaemonError) -> None:
        if not (isinstance(error, Refusal) and error.status == _LEFT_OUT):
            self.fault = error

    def _begin(self, part: Part) -> None:
        path = part.filename or ""
        if not path:
            return  # nothing was chosen
        if part.name == "folder" and "/" in path:
            self.folder, _, path = path.partition("/")
        name = check_file(path, 1, 0)
        with room_for(self.tray.home, self._limits.free_bytes):
            self._piece = self.tray.announce(name, 0, "")
            self._sink = Sink(self.tray.part(self._piece), 0, self._limits.free_bytes)

    async def _more(self, sink: Sink, data: bytes) -> None:
        await sink.take(data)
        if self._limits.file_bytes and self._piece and sink.position > self._limits.file_bytes:
            check_file(self._piece.name, sink.position, self._limits.file_bytes)

    async def _end(self, piece: Piece, sink: Sink) -> None:
        await sink.flush()
        check_file(piece.name, sink.position, self._limits.file_bytes)
        measured = await run_in_threadpool(self.tray.measure, piece, sink.position)
        self.close()
        await run_in_threadpool(self._complete, measured)

    def _complete(self, piece: Piece) -> None:
        check_content(self.tray, piece)
        with room_for(self.tray.home):
            self.tray.complete(piece, self._inbox)


async def drop(request: Request) -> Response:
    """Take the whole form.

    Raises:
        DropError: The inbox would refuse it, in its words.
        Refusal: Something of it is not taken.
    """
    store = store_of(request)
    with room_for(house_of(request).root):
        tray = await run_in_threadpool(store.begin)
    try:
        collection = Collection(request, tray)
        try:
            form = await read_form(request, collection.take)
        finally:
            collection.close()
        if isinstance(collection.fault, DropError):
            raise Refusal.of(collection.fault)
        if collection.fault is not None:
            raise collection.fault
        name = await run_in_threadpool(finish, request, tray, form, collection.folder)
    finally:
        await run_in_threadpool(store.discard, tray)
    flash(request, "upload.said.dropped", name=name)
    return back(request, "/")
