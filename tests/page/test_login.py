"""Logging in: who may, who may not, how often, and how it ends."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from daemon.page import password, session
from daemon.page.throttle import Throttle
from tests.page.conftest import Visitor, settings_at, token_of

WORD = "correct horse"


@pytest.fixture(autouse=True)
def cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash quickly: how slowly it is done otherwise is tested once."""
    monkeypatch.setattr(password, "_COST", 4)


@pytest.fixture
def locked(tmp_path: Path) -> Path:
    settings = settings_at(tmp_path)
    password.write(password.kept(settings).path, password.hashed(WORD))
    return tmp_path


def knock(client: TestClient, word: str, **form: str) -> int:
    """Send the form of the login, and give the status."""
    token = token_of(client.get("/login").text)
    answer = client.post("/login", data={"password": word, "csrf": token, **form}, follow_redirects=False)
    return answer.status_code


def cookie(client: TestClient) -> str:
    """Give the value of the session's cookie."""
    (value,) = [one.value for one in client.cookies.jar if one.name.startswith("lipsyncd-") and "-said" not in one.name]
    return value or ""


@pytest.mark.usefixtures("locked")
def test_nobody_sees_anything_before(visitor: Visitor) -> None:
    client = visitor()
    answer = client.get("/?x=1", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/login?next=%2F%3Fx%3D1")
    for path in ("/", "/now", "/events", "/history", "/now/preview/a-1", "/jobs/x/cancel", "/nowhere"):
        assert client.get(path, headers={"accept": "*/*"}).status_code == 401, path
    text = client.get("/login").text
    assert "/events" not in text
    assert "aria-current" not in text
    token = token_of(text)
    headers = {"accept": "*/*", "x-csrf-token": token}
    assert client.post("/now/pause", data={"paused": "yes"}, headers=headers).status_code == 401


@pytest.mark.usefixtures("locked")
def test_the_password_opens(visitor: Visitor) -> None:
    client = visitor()
    assert knock(client, "wrong horse") == 403
    assert client.get("/", follow_redirects=False).status_code == 303
    assert knock(client, WORD, next="/?a=1") == 303
    assert client.get("/").status_code == 200
    assert "Log out" in client.get("/").text


@pytest.mark.usefixtures("locked")
def test_the_cookie_is_safe(visitor: Visitor) -> None:
    answer = visitor().get("/login")
    said = answer.headers["set-cookie"].lower()
    assert "httponly" in said
    assert "samesite=lax" in said
    assert "secure" not in said
    client = visitor()
    client.base_url = client.base_url.copy_with(scheme="https")
    assert "secure" in client.get("/login").headers["set-cookie"].lower()


@pytest.mark.usefixtures("locked")
def test_a_session_that_was_planted_is_not_the_one_that_is_let_in(visitor: Visitor) -> None:
    """Fixation: whoever knows a session before the login knows nothing after it."""
    attacker, victim = visitor(), visitor()
    attacker.get("/login")
    planted = {one.name: one.value or "" for one in attacker.cookies.jar}
    for name, value in planted.items():
        victim.cookies.set(name, value, domain="127.0.0.1", path="/")
    assert knock(victim, WORD) == 303
    assert cookie(victim) not in planted.values()
    assert victim.get("/").status_code == 200
    assert attacker.get("/", follow_redirects=False).status_code == 303


@pytest.mark.usefixtures("locked")
def test_logging_out_ends_the_session_wherever_its_cookie_is(visitor: Visitor) -> None:
    client, thief = visitor(), visitor()
    knock(client, WORD)
    thief.app = client.app
    thief._transport.app = client.app  # type: ignore[attr-defined]
    for one in client.cookies.jar:
        thief.cookies.set(one.name, one.value or "")
    assert thief.get("/").status_code == 200
    form = {"csrf": token_of(client.get("/").text)}
    assert client.post("/logout", data=form, follow_redirects=False).headers["location"] == "/login"
    assert client.get("/", follow_redirects=False).status_code == 303
    assert thief.get("/", follow_redirects=False).status_code == 303


@pytest.mark.usefixtures("locked")
def test_a_session_that_was_ended_stays_so_when_the_page_starts_again(visitor: Visitor) -> None:
    client = visitor()
    knock(client, WORD)
    kept = [(one.name, one.value or "") for one in client.cookies.jar]
    again = visitor()
    for name, value in kept:
        again.cookies.set(name, value)
    assert again.get("/", follow_redirects=False).status_code == 200
    client.post("/logout", data={"csrf": token_of(client.get("/").text)})
    later = visitor()
    for name, value in kept:
        later.cookies.set(name, value)
    assert later.get("/", follow_redirects=False).status_code == 303


def test_a_new_password_ends_all_sessions(visitor: Visitor, locked: Path) -> None:
    client = visitor()
    knock(client, WORD)
    assert client.get("/").status_code == 200
    password.write(password.kept(settings_at(locked)).path, password.hashed("another horse"))
    assert client.get("/", follow_redirects=False).status_code == 303
    assert knock(client, WORD) == 403
    assert knock(client, "another horse") == 303


@pytest.mark.usefixtures("locked")
def test_a_session_ends_of_itself(visitor: Visitor, monkeypatch: pytest.MonkeyPatch) -> None:
    client = visitor()
    knock(client, WORD)
    begun = time.time()
    monkeypatch.setattr(session.time, "time", lambda: begun + session.LASTS - 60)
    assert client.get("/").status_code == 200
    monkeypatch.setattr(session.time, "time", lambda: begun + session.LASTS + 60)
    assert client.get("/", follow_redirects=False).status_code == 303


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize("change", ["", "x", "é", "[]", "W10.x", "longer" * 999])
def test_a_cookie_that_is_not_ours_is_nothing(visitor: Visitor, change: str) -> None:
    client = visitor()
    knock(client, WORD)
    name = next(one.name for one in client.cookies.jar if one.name.startswith("lipsyncd-"))
    value = cookie(client)
    client.cookies.clear()
    headers = {"cookie": f"{name}={(value[:-2] + change) if change != '[]' else '[]'}".encode("latin-1")}
    assert client.get("/", headers=headers, follow_redirects=False).status_code == 303  # type: ignore[arg-type]


def test_a_key_of_another_house_signs_nothing_here(visitor: Visitor, locked: Path, tmp_path: Path) -> None:
    client = visitor()
    knock(client, WORD)
    (locked / "state" / "page" / "key").unlink()
    other = visitor()
    for one in client.cookies.jar:
        other.cookies.set(one.name, one.value or "")
    assert other.get("/", follow_redirects=False).status_code == 303
    key = tmp_path / "state" / "page" / "key"
    assert key.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("locked")
@pytest.mark.parametrize(
    "onward", ["//evil.com", "https://evil.com", "/\\evil.com", "\\\\evil.com", "/\tx", "javascript:alert(1)", "/é", ""]
)
def test_nobody_is_sent_elsewhere(visitor: Visitor, onward: str) -> None:
    client = visitor()
    token = token_of(client.get("/login").text)
    form = {"password": WORD, "csrf": token, "next": onward}
    assert client.post("/login", data=form, follow_redirects=False).headers["location"] == "/"
    answer = client.get("/language/zh", params={"next": onward}, follow_redirects=False)
    assert answer.headers["location"] == "/"


@pytest.mark.usefixtures("locked")
def test_guessing_takes_longer_and_longer(visitor: Visitor) -> None:
    client = visitor()
    codes = [knock(client, f"wrong horse {number}") for number in range(6)]
    assert codes == [403, 403, 403, 403, 429, 429]
    assert knock(client, WORD) == 429  # who has guessed waits, right or not
    token = token_of(client.get("/login").text)
    answer = client.post("/login", data={"password": WORD, "csrf": token})
    assert int(answer.headers["retry-after"]) >= 1


def test_without_a_password_that_must_be_there_nobody_comes_in(visitor: Visitor) -> None:
    client = visitor(listen="0.0.0.0:7860")
    assert client.get("/", follow_redirects=False).status_code == 303
    assert "lipsyncd page passwd" in client.get("/login").text
    assert knock(client, "") == 403


def test_a_password_that_cannot_be_read_lets_nobody_in(visitor: Visitor, locked: Path) -> None:
    client = visitor()
    knock(client, WORD)
    path = locked / "state" / "page" / "password"
    path.chmod(0o644)
    path.write_text(path.read_text() + "\n")
    assert client.get("/", follow_redirects=False).status_code == 303
    assert knock(client, WORD) == 403
    path.chmod(0o600)
    assert client.get("/").status_code == 200
    path.write_text("no hash")
    assert client.get("/", follow_redirects=False).status_code == 303


def test_each_address_waits_for_itself() -> None:
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    for _ in range(4):
        assert throttle.admit("10.0.0.1") == 0
    waits = []
    for _ in range(12):
        wait = throttle.admit("10.0.0.1")
        waits.append(wait)
        now[0] += wait
        assert throttle.admit("10.0.0.1") == 0
    assert waits[0] == pytest.approx(1.0, abs=0.1)
    assert waits == sorted(waits)
    assert waits[-1] > 200
    assert throttle.admit("10.0.0.2") == 0
    throttle.forgive("10.0.0.1")
    assert throttle.admit("10.0.0.1") == 0


def test_many_addresses_wait_together_and_are_forgotten() -> None:
    now = [0.0]
    throttle = Throttle(lambda: now[0])
    waits = []
    for number in range(20_000):
        waits.append(throttle.admit(f"2001:db8:{number >> 8:x}:{number & 255:x}::{number:x}"))
    assert sum(wait == 0 for wait in waits) == 40
    assert 0 < max(waits) <= 8
    assert len(throttle._own) <= 4096
    now[0] += 8
    assert throttle.admit("10.0.0.9") == 0  # whoever comes in between gets a try, too


def test_a_network_of_sixty_four_bits_is_one_guesser() -> None:
    throttle = Throttle(lambda: 0.0)
    assert [throttle.admit(f"2001:db8::{number:x}") == 0 for number in range(6)] == [True] * 4 + [False] * 2
    assert throttle.admit("::ffff:10.0.0.1") == 0
    assert throttle.admit("no address") == 0
