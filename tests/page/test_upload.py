"""Uploads: offsets, names, what the inbox would say, and a folder that is in the inbox whole or not at all."""

from __future__ import annotations

import base64
import contextlib
import os
import shutil
import threading
import tomllib
from pathlib import Path
from typing import Any

import pytest

from daemon.inbox import Inbox
from daemon.landing import land
from daemon.listing import listing
from daemon.mount import mount_of
from daemon.order import Choices
from daemon.page.house import House
from daemon.page.upload_order import Offered, job_toml
from daemon.page.upload_refusal import Refusal
from daemon.page.upload_store import FOLDER, IDLE, Store
from daemon.room import Space
from tests.page.conftest import TestClient, Visitor, settings_at, token_of

TUS = {"Tus-Resumable": "1.0.0"}
WAV = b"RIFF\x2c\x00\x00\x00WAVE" + b"\0" * 40
PNG = b"\x89PNG\r\n\x1a\n" + b"\0\0\0\0IEND\0\0\0\0"
XSS = "<img src=x onerror=alert(1)>"


@pytest.fixture
def script(browser: TestClient) -> TestClient:
    """A browser whose script asks."""
    browser.headers["accept"] = "application/json"
    return browser


def begin(script: TestClient) -> str:
    answer = script.post("/drop/new")
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def announce(script: TestClient, tray: str, name: str, length: int, mtime: str = "1") -> Any:
    said = ",".join(
        f"{key} {base64.b64encode(text.encode()).decode()}" for key, text in (("filename", name), ("mtime", mtime))
    )
    return script.post(f"/drop/{tray}/files", headers=TUS | {"Upload-Length": str(length), "Upload-Metadata": said})


def send(script: TestClient, address: str, data: bytes, offset: int) -> Any:
    headers = TUS | {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
    return script.patch(address, content=data, headers=headers)


def put(script: TestClient, tray: str, name: str, data: bytes) -> str:
    answer = announce(script, tray, name, len(data))
    assert answer.status_code == 201, answer.text
    address = str(answer.headers["location"])
    assert send(script, address, data, 0).status_code == 204
    return address


def filled(script: TestClient) -> str:
    tray = begin(script)
    put(script, tray, "hello.wav", WAV)
    put(script, tray, "ann.png", PNG)
    return tray


def inbox(house: House) -> dict[str, list[str]]:
    return {path.name: sorted(file.name for file in path.iterdir()) for path in (house.root / "inbox").iterdir()}


def trays(house: House) -> list[str]:
    return [path.name for path in (house.root / FOLDER).iterdir() if path.is_dir()]


def wrong(answer: Any) -> str:
    error = answer.json()["error"]
    return f"{answer.status_code} {error['message']} | {error['hint']}"


def test_a_drop_becomes_a_folder_at_once(script: TestClient, house: House) -> None:
    tray = filled(script)
    assert inbox(house) == {}
    look = Inbox(house.root / "inbox", 0.0, Choices()).look()
    assert (look.drops, look.waiting) == ((), ())
    said = script.get(f"/drop/{tray}").json()
    assert (said["pairs"], said["fault"]) == ([["ann.png", "hello.wav"]], None)
    assert [(file["name"], file["whole"]) for file in said["files"]] == [("hello.wav", True), ("ann.png", True)]
    answer = script.post(f"/drop/{tray}", data={"name": "周报", "title": 'a "b" \\ c', "engine": "null"})
    assert answer.json() == {"folder": "周报", "next": "/"}
    assert inbox(house) == {"周报": ["ann.png", "hello.wav", "job.toml"]}
    told = tomllib.loads((house.root / "inbox" / "周报" / "job.toml").read_text(encoding="utf-8"))
    assert told == {"title": 'a "b" \\ c', "engine": "null"}
    assert (
        script.post(f"/drop/{tray}", data={"name": "周报"}).json()["folder"] == "周报"
    )  # asked once more: no other one
    assert list(inbox(house)) == ["周报"]
    script.headers["accept"] = "text/html"
    assert "周报 is in the inbox" in script.get("/").text


def test_a_file_comes_in_pieces_and_goes_on_where_it_was(script: TestClient, house: House) -> None:
    tray = begin(script)
    address = announce(script, tray, "hello.wav", len(WAV)).headers["location"]
    assert send(script, address, WAV[:10], 0).headers["upload-offset"] == "10"
    for offset in (0, 9, 11, len(WAV)):
        answer = send(script, address, WAV[10:], offset)
        assert wrong(answer).startswith("409 This is not where the file goes on")
    head = script.head(address, headers=TUS)
    assert (head.headers["upload-offset"], head.headers["upload-length"]) == ("10", str(len(WAV)))
    assert head.headers["cache-control"] == "no-store"
    again = announce(script, tray, "hello.wav", len(WAV))  # the browser was loaded again
    assert (again.headers["location"], again.headers["upload-offset"]) == (address, "10")
    answer = send(script, address, WAV[10:], 10)
    assert (answer.status_code, answer.headers["upload-offset"]) == (204, str(len(WAV)))
    assert send(script, address, b"", len(WAV)).status_code == 204
    assert (house.root / FOLDER / tray / "drop" / "hello.wav").read_bytes() == WAV


def test_longer_than_announced_is_refused(script: TestClient, house: House) -> None:
    tray = begin(script)
    address = announce(script, tray, "hello.wav", 10).headers["location"]
    assert wrong(send(script, address, WAV, 0)).startswith("413 The file is longer")
    assert script.head(address, headers=TUS).headers["upload-offset"] == "10"


def test_bad_requests_are_refused(script: TestClient) -> None:
    tray = begin(script)
    address = announce(script, tray, "hello.wav", len(WAV)).headers["location"]
    assert script.head(address).status_code == 412
    assert script.patch(address, content=b"x", headers=TUS | {"Upload-Offset": "0"}).status_code == 415
    for offset in ("", "-1", "1.5", "x", "٣", "9" * 30):
        headers = TUS | {"Upload-Offset": offset.encode(), "Content-Type": "application/offset+octet-stream"}  # type: ignore[dict-item]
        assert script.patch(address, content=b"x", headers=headers).status_code == 400, offset
    assert (
        script.post(
            f"/drop/{tray}/files", headers=TUS | {"Upload-Length": "5", "Upload-Metadata": "filename %"}
        ).status_code
        == 400
    )
    for other in ("0" * 32, "..", "%2e%2e", "%2e%2e%2finbox", tray[:-1]):
        assert script.post(f"/drop/{other}", data={}).status_code in (404, 405), other
        assert script.head(f"/drop/up/{other}/0", headers=TUS).status_code == 404
    for tag in ("..", "%2e%2e", "0" * 16):
        assert script.head(f"/drop/up/{tray}/{tag}", headers=TUS).status_code == 404
    del script.headers["x-csrf-token"]
    assert send(script, address, WAV, 0).status_code == 403
    assert script.post("/drop/new").status_code == 403


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("", "422 A name is missing"),
        ("..", "422 A name is missing"),
        ("../ann.png", "422 ../ann.png is in a folder of its own | Put the files themselves into the folder"),
        ("/etc/ann.png", "422 /etc/ann.png is in a folder of its own"),
        ("sub/ann.png", "422 sub/ann.png is in a folder of its own"),
        ("a\nb.png", "422 The name a\\nb.png has characters in it"),
        ("a\0b.png", "422 The name a\\x00b.png has characters in it"),
        ("ö" * 126 + ".png", "422 The name öööö"),
        ("ann.png.part", "422 ann.png.part is still being copied"),
        (".DS_Store", "415 .DS_Store is left out"),
        (".hidden.png", "415 .hidden.png is left out"),
        ("notes.txt", "415 notes.txt is left out"),
        (f"{XSS}.exe", f"415 {XSS}.exe is left out"),
        ("ann.heic", "422 ann.heic is of a kind that is not read | Save pictures as jpg"),
    ],
)
def test_names_are_looked_at_before_anything_is_sent(script: TestClient, name: str, said: str) -> None:
    assert wrong(announce(script, begin(script), name, 5)).startswith(said)


def test_sizes_are_looked_at_before_anything_is_sent(script: TestClient) -> None:
    tray = begin(script)
    assert wrong(announce(script, tray, "ann.png", 0)) == "422 ann.png is empty | Copy it once more."
    assert wrong(announce(script, tray, "ann.mp4", 5 * 1024**3)).startswith("413 ann.mp4 has 5369 MB; at most 4295")
    assert "job.toml is too large to be one" in wrong(announce(script, tray, "job.toml", 10**6))


def test_names_that_are_the_same_for_people_are_refused(script: TestClient) -> None:
    tray = begin(script)
    assert announce(script, tray, "Jos\u00e9.png", 5).status_code == 201
    for name, length in (("Jos\u00e9.png", 6), ("Jose\u0301.png", 5), ("JOS\u00c9.PNG", 5)):
        assert wrong(announce(script, tray, name, length)).startswith("409 There is another file called")


def test_odd_but_possible_names_stay_as_they_are(script: TestClient, house: House) -> None:
    tray = begin(script)
    names = [f"{XSS.replace('/', '')}.png", "Jose\u0301.png", "a b 'c' \"d\".png", "\u202egnp.png"]
    for name in names:
        put(script, tray, name, PNG)
    put(script, tray, "hello.wav", WAV)
    assert script.post(f"/drop/{tray}", data={"name": XSS.replace("/", "")}).status_code == 200
    assert inbox(house) == {XSS.replace("/", ""): sorted([*names, "hello.wav"])}
    script.headers["accept"] = "text/html"
    assert "<img src" not in script.get("/").text


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("../up", "422 The name ../up has characters"),
        ("..", "422 A name is missing"),
        (".hidden", "422 The name .hidden cannot be seen"),
        ("lost+found", "422 The name lost+found cannot be seen"),
        ("weekly.part", "422 The name weekly.part looks like"),
        ("x" * 256, "422 The name xxxx"),
        ("a\x1bb", "422 The name a\\x1bb has characters"),
    ],
)
def test_the_name_of_the_folder_is_looked_at(script: TestClient, house: House, name: str, said: str) -> None:
    tray = filled(script)
    assert wrong(script.post(f"/drop/{tray}", data={"name": name})).startswith(said)
    assert inbox(house) == {}
    assert script.post(f"/drop/{tray}", data={"name": ""}).json()["folder"] == "hello"


def test_what_the_inbox_would_refuse_is_refused_in_its_words(script: TestClient, house: House) -> None:
    tray = begin(script)
    put(script, tray, "ann.png", PNG)
    fault = script.get(f"/drop/{tray}").json()["fault"]
    assert fault == {
        "message": "there is no audio file in it",
        "hint": "Add one (wav, mp3, m4a, flac, ogg, opus or aac).",
        "lacking": True,
    }
    assert "there is no audio file in it" in wrong(script.post(f"/drop/{tray}", data={"name": "x"}))
    for name in ("one.wav", "two.wav"):
        put(script, tray, name, WAV)
    assert "ann.png could be driven by one.wav or by two.wav" in wrong(script.post(f"/drop/{tray}", data={"name": "x"}))
    order = b'titel = "x"\n'
    put(script, tray, "job.toml", order)
    two = next(file for file in script.get(f"/drop/{tray}").json()["files"] if file["name"] == "two.wav")
    assert script.delete(two["address"], headers=TUS).status_code == 204
    answer = wrong(script.post(f"/drop/{tray}", data={"name": "x", "title": "mine"}))
    assert 'job.toml: "titel" is not known (did you mean title?)' in answer
    assert inbox(house) == {}


def test_a_job_toml_among_the_files_holds(script: TestClient, house: House) -> None:
    tray = filled(script)
    put(script, tray, "job.toml", b'title = "theirs"\n')
    assert script.post(f"/drop/{tray}", data={"name": "x", "title": "mine"}).status_code == 200
    assert (house.root / "inbox" / "x" / "job.toml").read_bytes() == b'title = "theirs"\n'


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("ann.jpg", b"<!DOCTYPE html><title>Log in", "ann.jpg is no audio, photo or video"),
        ("ann.jpg", b"\0\0\0\x18ftypheic\0\0\0\0mif1", "ann.jpg is a HEIC or AVIF picture or a video"),
        ("a.wav", b"PK\x03\x04 zip", "of the kind ZIP"),
        ("a.mp3", b"#EXTM3U\n/etc/passwd", "of the kind M3U"),
    ],
)
def test_how_a_file_begins_is_looked_at(script: TestClient, house: House, name: str, data: bytes, said: str) -> None:
    tray = begin(script)
    address = announce(script, tray, name, len(data)).headers["location"]
    assert said in wrong(send(script, address, data, 0))
    assert script.head(address, headers=TUS).status_code == 404
    assert script.get(f"/drop/{tray}").json()["files"] == []


def test_a_file_that_ends_too_early_is_noticed(script: TestClient) -> None:
    tray = begin(script)
    address = announce(script, tray, "a.wav", 20).headers["location"]
    answer = send(script, address, WAV[:20], 0)
    assert (answer.status_code, answer.headers["x-upload-cut-off"]) == (204, "yes")


def test_nothing_is_dropped_before_all_is_there(script: TestClient, house: House) -> None:
    tray = begin(script)
    put(script, tray, "hello.wav", WAV)
    address = announce(script, tray, "ann.png", len(PNG)).headers["location"]
    send(script, address, PNG[:5], 0)
    assert "Some files are not all here yet" in wrong(script.post(f"/drop/{tray}", data={"name": "x"}))
    assert inbox(house) == {}


def test_a_crash_between_the_last_byte_and_the_name_is_mended(script: TestClient, house: House) -> None:
    tray = filled(script)
    answer = announce(script, tray, "bob.png", len(PNG))
    part = house.root / FOLDER / tray / "parts" / answer.headers["location"].rpartition("/")[2]
    part.write_bytes(PNG)
    assert script.post(f"/drop/{tray}", data={"name": "x"}).status_code == 200
    assert inbox(house) == {"x": ["ann.png", "bob.png", "hello.wav"]}


def test_a_crash_after_the_move_makes_no_second_folder(script: TestClient, house: House) -> None:
    tray = filled(script)
    assert script.post(f"/drop/{tray}", data={"name": "x"}).status_code == 200
    (house.root / FOLDER / tray / "landed").unlink()
    assert wrong(script.post(f"/drop/{tray}", data={"name": "x"})).startswith("404 This upload is no longer here")
    assert list(inbox(house)) == ["x"]
    store = Store(house.root)
    store.sweep(store.find(tray).touched() + 3700)
    assert trays(house) == []


def test_too_many_are_refused(script: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.page.upload_tray.MOST", 2)
    monkeypatch.setattr("daemon.page.upload_store._MOST", 2)
    tray = filled(script)
    assert wrong(announce(script, tray, "bob.png", 5)).startswith(
        "422 These are too many files for one drop: at most 2"
    )
    begin(script)
    assert wrong(script.post("/drop/new")).startswith("503 Too many uploads are begun")


def test_the_same_name_twice_is_two_folders(script: TestClient, house: House, visitor: Visitor) -> None:
    other = visitor(house)
    other.headers.update({"x-csrf-token": token_of(other.get("/").text), "accept": "application/json"})
    both = [filled(script), filled(other)]
    (house.root / "inbox" / "weekly (2)").mkdir()
    names = [
        browser.post(f"/drop/{tray}", data={"name": "weekly"}).json()["folder"]
        for browser, tray in zip((script, other), both, strict=True)
    ]
    assert names == ["weekly", "weekly (3)"]
    assert inbox(house)["weekly (2)"] == []


def test_many_land_at_once_and_none_joins_another(tmp_path: Path) -> None:
    (tmp_path / "inbox").mkdir()
    folders = [tmp_path / f"tray {number}" for number in range(16)]
    for number, folder in enumerate(folders):
        folder.mkdir()
        (folder / f"{number}").touch()
    found: list[Path] = []
    threads = [
        threading.Thread(target=lambda folder=folder: found.append(land(folder, tmp_path / "inbox", "weekly")))
        for folder in folders
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({path.name for path in found}) == 16
    assert all(len(list(path.iterdir())) == 1 for path in found)


def test_where_the_file_system_promises_nothing_it_is_looked_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.landing._LIBC", None)
    (tmp_path / "inbox" / "weekly").mkdir(parents=True)
    (tmp_path / "tray").mkdir()
    assert land(tmp_path / "tray", tmp_path / "inbox", "weekly").name == "weekly (2)"


def test_room_is_looked_at(script: TestClient, house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    spare = house.settings.limits.free_bytes
    tray = begin(script)
    monkeypatch.setattr("daemon.room.space", lambda _folder: Space(spare + 1000, None))
    address = announce(script, tray, "a.wav", 600).headers["location"]
    answer = announce(script, tray, "b.png", 600)  # what is announced already counts
    assert wrong(answer).startswith("507 the disk of the share is nearly full")
    monkeypatch.setattr("daemon.room.space", lambda _folder: Space(spare - 1, None))
    assert wrong(send(script, address, WAV, 0)).startswith("507 the disk of the share is nearly full")
    assert script.head(address, headers=TUS).headers["upload-offset"] == "0"
    monkeypatch.undo()
    assert send(script, address, WAV, 0).status_code == 204


def test_a_full_disk_is_said(script: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    tray = begin(script)
    address = announce(script, tray, "a.wav", len(WAV)).headers["location"]

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("daemon.page.upload_sink.os.pwrite", full)
    assert wrong(send(script, address, WAV, 0)).startswith("507 the share says that it is full")


def test_a_tray_can_be_cancelled(script: TestClient, house: House) -> None:
    tray = filled(script)
    assert script.post(f"/drop/{tray}/cancel").status_code == 204
    assert trays(house) == []
    assert script.get(f"/drop/{tray}").status_code == 404


def test_what_moves_while_it_is_cancelled_is_whole_or_stays(
    script: TestClient, house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody cancels in one window what is handed in in another: no folder in the inbox has lost half its files."""
    store = Store(house.root)
    tray = store.find(filled(script))
    names = {path.name for path in tray.drop.iterdir()}
    unlink = os.unlink

    def late(path: str, **more: Any) -> None:
        unlink(path, **more)
        if path in names:
            monkeypatch.setattr(os, "unlink", unlink)
            with contextlib.suppress(OSError, Refusal):
                tray.move(store.inbox, "talk")

    monkeypatch.setattr(os, "unlink", late)
    store.discard(tray)
    assert [{path.name for path in folder.iterdir()} for folder in store.inbox.iterdir()] in ([], [names])
    assert trays(house) == []


def test_what_a_crash_left_of_a_cancelled_one_goes(script: TestClient, house: House) -> None:
    store = Store(house.root)
    tray = store.find(filled(script))
    tray.home.rename(tray.home.with_name(f"{tray.id}.gone"))
    store.sweep()
    assert trays(house) == []


def test_what_nobody_goes_on_with_is_removed_after_a_day(script: TestClient, house: House) -> None:
    tray, landed = filled(script), filled(script)
    assert script.post(f"/drop/{landed}", data={"name": "x"}).status_code == 200
    store = Store(house.root)
    store.sweep()
    assert len(store.trays(landed=True)) == 2
    now = store.find(tray).touched()
    store.sweep(now + IDLE - 60)
    assert [one.id for one in store.trays(landed=True)] == [tray]
    (house.root / FOLDER / "somebody's").mkdir()
    store.sweep(now + IDLE + 60)
    assert trays(house) == ["somebody's"]
    assert list(inbox(house)) == ["x"]


def test_what_was_begun_is_shown(script: TestClient) -> None:
    tray = begin(script)
    address = announce(script, tray, f"{XSS}.png", 100).headers["location"]
    send(script, address, PNG[:20], 0)
    script.headers["accept"] = "text/html"
    text = script.get("/drop").text
    assert "&lt;img src=x" in text
    assert "one file, 20 % is here" in text
    assert "removed 24 hours after" in text


def test_nothing_is_written_through_a_link(script: TestClient, house: House, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_bytes(b"x")
    tray = begin(script)
    address = announce(script, tray, "a.wav", len(WAV)).headers["location"]
    part = house.root / FOLDER / tray / "parts" / address.rpartition("/")[2]
    part.unlink()
    part.symlink_to(secret)
    assert send(script, address, WAV, 0).status_code in (409, 503, 507)
    assert secret.read_bytes() == b"x"
    shutil.rmtree(house.root / FOLDER)
    (tmp_path / "elsewhere").mkdir()
    (house.root / FOLDER).symlink_to(tmp_path / "elsewhere")
    assert script.post("/drop/new").status_code >= 500
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_the_folder_is_like_one_that_was_dropped(script: TestClient, house: House) -> None:
    (house.root / "inbox").chmod(0o2770)
    before = os.umask(0o077)
    try:
        tray = filled(script)
        script.post(f"/drop/{tray}", data={"name": "x"})
    finally:
        os.umask(before)
    home = house.root / "inbox" / "x"
    assert home.stat().st_mode & 0o7777 == 0o2770
    assert (home / "ann.png").stat().st_mode & 0o777 == 0o660
    assert listing(home).odd == ()
    assert (house.root / FOLDER).stat().st_mode & 0o777 == 0o700


def test_a_share_that_is_away_is_said(visitor: Visitor, tmp_path: Path) -> None:
    settings = settings_at(tmp_path)
    client = visitor(House.of(settings))
    client.headers.update({"x-csrf-token": token_of(client.get("/").text), "accept": "application/json"})
    shutil.rmtree(settings.paths.root / "inbox")
    assert wrong(client.post("/drop/new")).startswith("503 The share is not there")


def test_a_share_that_must_be_mounted_and_is_not_takes_nothing(tmp_path: Path) -> None:
    root = settings_at(tmp_path).paths.root
    if mount_of(root).point != Path("/"):
        pytest.skip("the temporary folder is a mount of its own")
    with pytest.raises(Refusal) as caught:
        Store(root, guard=True).begin()
    assert caught.value.key == "upload.wrong.share"
    assert not (root / FOLDER).exists()


def test_the_form_says_only_what_it_offers() -> None:
    offer = Offered(("reshape", "null"), ("ipfs",), review=False)
    said = {"title": " a\n b\x7f ", "engine": "null", "publish": "no", "review": "yes"}
    assert tomllib.loads(job_toml(said, offer)) == {"title": "a b\x7f", "engine": "null", "publish": [], "review": True}
    assert job_toml({"engine": "reshape", "publish": "", "review": ""}, offer) == ""
    assert job_toml({"engine": 'x"\ny = 1', "publish": "arweave", "review": "x"}, offer) == ""
    assert job_toml({"publish": "no", "review": "yes"}, Offered(("reshape",), (), review=False)) == ""


def form(browser: TestClient, files: list[tuple[str, str, bytes]], **fields: str) -> Any:
    """Send the form as a browser without script."""
    token = browser.headers.pop("x-csrf-token", "") or token_of(browser.get("/drop").text)
    parts = [(field, (name, data)) for field, name, data in files]
    return browser.post(
        f"/drop/form?csrf={token}", data=fields, files=parts or [("files", ("", b""))], follow_redirects=False
    )


def test_the_form_works_without_script(browser: TestClient, house: House) -> None:
    answer = form(browser, [("files", "hello.wav", WAV), ("files", "ann.png", PNG)], name="周报", title="Title")
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    assert inbox(house) == {"周报": ["ann.png", "hello.wav", "job.toml"]}
    assert (house.root / "inbox" / "周报" / "hello.wav").read_bytes() == WAV
    assert trays(house) == []


def test_a_folder_is_sent_by_the_form(browser: TestClient, house: House) -> None:
    files = [
        (f"weekly/{name}", data)
        for name, data in (("hello.wav", WAV), (".DS_Store", b"x"), ("ann.png", PNG), ("notes.txt", b"x"))
    ]
    assert (
        form(browser, [("files", "", b""), *(("folder", name, data) for name, data in files)], name="").status_code
        == 303
    )
    assert inbox(house) == {"weekly": ["ann.png", "hello.wav"]}


@pytest.mark.parametrize(
    ("files", "fields", "status", "said"),
    [
        ([], {}, 409, "there is no audio file in it"),
        ([("files", "ann.png", PNG)], {}, 409, "there is no audio file in it"),
        ([("files", "ann.png", b""), ("files", "a.wav", WAV)], {}, 422, "ann.png is empty"),
        ([("files", "ann.jpg", b"<html>"), ("files", "a.wav", WAV)], {}, 422, "is no audio, photo or video"),
        ([("folder", "w/sub/ann.png", PNG), ("files", "a.wav", WAV)], {}, 422, "sub/ann.png is in a folder of its own"),
        ([("files", "ann.png", PNG), ("files", "ANN.png", PNG)], {}, 409, "another file called ANN.png"),
        ([("files", "ann.png", PNG), ("files", "a.wav", WAV)], {"name": "../x"}, 422, "The name ../x has characters"),
    ],
)  # fmt: skip
def test_the_form_says_what_is_wrong_and_leaves_nothing(
    browser: TestClient, house: House, files: Any, fields: dict[str, str], status: int, said: str
) -> None:
    answer = form(browser, files, **fields)
    assert (answer.status_code, said in answer.text) == (status, True), answer.text
    assert inbox(house) == {}
    assert trays(house) == []


def test_a_form_that_breaks_off_leaves_nothing(browser: TestClient, house: House) -> None:
    token = browser.headers["x-csrf-token"]
    head = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.wav"\r\n\r\n'
    kind = {"Content-Type": "multipart/form-data; boundary=x"}
    for body in (head + WAV, b"nonsense", b"", head + WAV + b"\r\n--x\r\n", b"--x\r\n" * 10):
        assert browser.post(f"/drop/form?csrf={token}", content=body, headers=kind).status_code == 400
    assert (
        browser.post(f"/drop/form?csrf={token}", content=b"x", headers={"Content-Type": "text/plain"}).status_code
        == 400
    )
    assert trays(house) == []
    del browser.headers["x-csrf-token"]
    assert browser.post("/drop/form", content=head, headers=kind).status_code == 403


def test_large_fields_are_refused(browser: TestClient) -> None:
    assert form(browser, [("files", "a.wav", WAV)], title="x" * 100_000).status_code == 413
