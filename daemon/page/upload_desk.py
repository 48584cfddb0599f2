"""Desk: where a tray is handed in: all of it is looked at once more, as the inbox will, and then it moves."""

from __future__ import annotations

from collections.abc import Mapping

from starlette.requests import Request

from daemon.choice import choices
from daemon.page.layout import house_of
from daemon.page.upload_check import check_drop
from daemon.page.upload_name import folder_name, suggestion
from daemon.page.upload_order import job_toml, offered
from daemon.page.upload_refusal import Refusal
from daemon.page.upload_sink import room_for
from daemon.page.upload_store import Store
from daemon.page.upload_tray import Tray


def store_of(request: Request) -> Store:
    """Give the trays of a request's house."""
    state = request.app.state
    if not hasattr(state, "uploads"):
        settings = house_of(request).settings
        state.uploads = Store(settings.paths.root, settings.inbox.mount_guard)
    store: Store = state.uploads
    return store


def finish(request: Request, tray: Tray, form: Mapping[str, str], folder: str = "") -> str:
    """Move a tray into the inbox, and give the name that it has there.

    Args:
        request: Of whom.
        tray: The tray.
        form: What was chosen beside the files: name, title, engine, publish, review.
        folder: What the folder is called that the files came from, or "".

    Raises:
        DropError: The inbox would refuse it, in its words.
        Refusal: It is not complete, has no possible name, or the disk refuses.
    """
    if tray.landed:
        return tray.landed
    if tray.gone:
        raise Refusal(404, "upload.wrong.gone")
    store, settings = store_of(request), house_of(request).settings
    store.stand()
    with room_for(tray.home):
        for piece in tray.pieces():
            if not piece.whole and piece.offset == piece.length:  # a crash came between its end and its name
                tray.complete(piece, store.inbox)
        pieces = tray.pieces()
        if any(not piece.whole for piece in pieces):
            raise Refusal(409, "upload.wrong.unfinished")
        known = choices(settings)
        name = folder_name(form.get("name", "").strip() or suggestion(folder, [piece.name for piece in pieces]))
        tray.order(job_toml(form, offered(settings, known)))
        check_drop(tray, known)
        return tray.move(store.inbox, name)
