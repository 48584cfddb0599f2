"""The guard: names, origins, tokens, sizes, and what every answer wears."""

from __future__ import annotations

import socket

import pytest
from starlette.testclient import TestClient

from daemon.page.address import Address, answers, called, reachable
from daemon.page.dress import HEADERS
from daemon.page.house import House
from daemon.settings import Page
from tests.page.conftest import Visitor, token_of

PAUSE = {"paused": "yes"}


@pytest.mark.parametrize(
    ("host", "right"),
    [
        ("127.0.0.1:7860", True),
        ("localhost", True),
        ("LOCALHOST.:7860", True),
        ("192.168.1.7:7860", True),
        ("[::1]:7860", True),
        ("[fe80::1]", True),
        ("videos.example.org", True),
        ("evil.example.com", False),
        ("evil.example.com:7860", False),
        ("localhost.evil.com", False),
        ("127.0.0.1.evil.com", False),
        ("127.0.0.1:7860@evil.com", False),
        ("localhost:evil", False),
        ("::1", False),
        ("[::1", False),
        ("[evil.com]", False),
        ("", False),
        ("localhost/../evil", False),
        ("localhost:٣", False),
    ],
)
def test_it_answers_to_its_own_names_alone(host: str, right: bool) -> None:
    page = Page(listen="127.0.0.1:7860", hosts=("videos.example.org",))
    assert called(host, answers(page)) is right


def test_it_answers_to_the_name_of_the_machine() -> None:
    assert called(f"{socket.gethostname()}:7860", answers(Page(listen="127.0.0.1:7860")))


@pytest.mark.parametrize("host", ["evil.example.com", "evil.example.com:7860", ""])
def test_a_foreign_name_is_turned_away(visitor: Visitor, host: str) -> None:
    answer = visitor().get("/", headers={"host": host})
    assert answer.status_code == 421
    assert "set-cookie" not in answer.headers
    assert_dressed(answer.headers)


def assert_dressed(headers: object) -> None:
    for name, value in HEADERS.items():
        assert headers[name] == value, name  # type: ignore[index]


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/", 200),
        ("HEAD", "/", 200),
        ("GET", "/login", 303),
        ("GET", "/nowhere", 404),
        ("GET", "/jobs/none/cancel", 404),
        ("GET", "/static/page.css", 200),
        ("GET", "/static/none.css", 404),
        ("GET", "/static/../app.py", 404),
        ("GET", "/static/%2e%2e/app.py", 404),
        ("DELETE", "/", 405),
        ("TRACE", "/", 405),
        ("OPTIONS", "/", 405),
        ("POST", "/jobs/none/cancel", 404),
        ("GET", "/fault", 500),
        ("GET", "/disk", 503),
    ],
)
def test_every_answer_is_dressed(
    browser: TestClient, monkeypatch: pytest.MonkeyPatch, method: str, path: str, status: int
) -> None:
    def broken(_request: object) -> None:
        raise OSError(5, "Input/output error") if path == "/disk" else RuntimeError("a bug")

    browser.app._app.add_route("/fault", broken)  # type: ignore[attr-defined]
    browser.app._app.add_route("/disk", broken)  # type: ignore[attr-defined]
    answer = browser.request(method, path, follow_redirects=False)
    assert answer.status_code == status
    assert_dressed(answer.headers)
    assert "cache-control" in answer.headers
    if not path.startswith("/static/p"):
        assert answer.headers["cache-control"] in ("no-store", "public, no-cache")


def test_nothing_leads_to_another_site(browser: TestClient) -> None:
    for path in ("/", "/nowhere", "/language/zh"):
        text = browser.get(path).text
        assert "http://" not in text
        assert "https://" not in text
        assert "<script>" not in text
        assert "style=" not in text
        assert " on" + "click" not in text


def test_static_files_may_be_kept_and_bear_no_cookie(visitor: Visitor) -> None:
    client = visitor()
    answer = client.get("/static/page.css?v=1")
    assert "immutable" in answer.headers["cache-control"]
    assert "set-cookie" not in answer.headers
    assert client.get("/static/page.css").headers["cache-control"] == "public, no-cache"


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 303),
        ({"origin": "http://127.0.0.1:7860"}, 303),
        ({"origin": "http://127.0.0.1:7860", "sec-fetch-site": "same-origin"}, 303),
        ({"origin": "https://127.0.0.1:7860"}, 303),  # a proxy has taken the TLS off
        ({"origin": "http://127.0.0.1"}, 403),
        ({"origin": "http://127.0.0.1:7861"}, 403),
        ({"origin": "http://evil.example.com"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": ""}, 403),
        ({"origin": "http://127.0.0.1:x"}, 403),
        ({"sec-fetch-site": "cross-site"}, 403),
        ({"sec-fetch-site": "same-site"}, 403),
        ({"origin": "http://127.0.0.1:7860", "sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_other_sites_change_nothing(browser: TestClient, house: House, headers: dict[str, str], status: int) -> None:
    answer = browser.post("/now/pause", data=PAUSE, headers=headers, follow_redirects=False)
    assert answer.status_code == status
    assert (house.root / "PAUSE").exists() is (status == 303)


@pytest.mark.parametrize("token", ["", "0" * 64, "é", None])
def test_a_form_without_its_token_changes_nothing(browser: TestClient, house: House, token: str | None) -> None:
    del browser.headers["x-csrf-token"]
    form = PAUSE if token is None else PAUSE | {"csrf": token}
    answer = browser.post("/now/pause", data=form, follow_redirects=False)
    assert answer.status_code == 403
    assert "too old" in answer.text
    assert not (house.root / "PAUSE").exists()


def test_a_token_is_worth_nothing_in_another_browser(visitor: Visitor, house: House) -> None:
    one, other = visitor(house), visitor(house)
    other.get("/")
    form = PAUSE | {"csrf": token_of(one.get("/").text)}
    assert other.post("/now/pause", data=form, follow_redirects=False).status_code == 403
    assert one.post("/now/pause", data=form, follow_redirects=False).status_code == 303


def test_a_token_may_come_in_the_form_or_the_address(browser: TestClient, house: House) -> None:
    token = browser.headers.pop("x-csrf-token")
    assert browser.post("/now/pause", data=PAUSE | {"csrf": token}, follow_redirects=False).status_code == 303
    assert (house.root / "PAUSE").exists()
    files = {"file": ("a.txt", b"x")}
    answer = browser.post(f"/now/pause?csrf={token}", data={"paused": "no"}, files=files, follow_redirects=False)
    assert answer.status_code == 303
    assert not (house.root / "PAUSE").exists()


def test_what_is_too_large_is_refused(browser: TestClient) -> None:
    answer = browser.post("/now/pause", data={"paused": "yes", "more": "x" * (1 << 20)})
    assert answer.status_code == 413
    many = "&".join(f"f{number}=1" for number in range(5000))
    kind = {"content-type": "application/x-www-form-urlencoded"}
    del browser.headers["x-csrf-token"]
    assert browser.post("/now/pause", content=many, headers=kind).status_code == 413


def test_scripts_get_json(browser: TestClient) -> None:
    answer = browser.post("/jobs/none/cancel", headers={"accept": "application/json"})
    assert answer.status_code == 404
    assert answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("page", "others"),
    [
        ({"listen": "127.0.0.1:1"}, False),
        ({"listen": "[::1]:1"}, False),
        ({"listen": "localhost:1"}, False),
        ({"listen": "0.0.0.0:1"}, True),
        ({"listen": "[::]:1"}, True),
        ({"listen": "192.168.1.2:1"}, True),
        ({"listen": "127.0.0.1:1", "proxy": True}, True),
        ({"listen": "127.0.0.1:1", "hosts": ["videos.example.org"]}, True),
    ],
)
def test_who_can_reach_it(page: dict[str, object], others: bool) -> None:
    assert reachable(Page(**page)) is others  # type: ignore[arg-type]
    assert str(Address.of(str(page["listen"]))).replace("127.0.0.1", "localhost").endswith(":1")


def test_a_message_is_said_once(browser: TestClient) -> None:
    browser.post("/now/pause", data=PAUSE, follow_redirects=False)
    assert 'class="message done"' in browser.get("/").text
    assert 'class="message done"' not in browser.get("/").text


def test_a_message_can_not_be_made_up(browser: TestClient) -> None:
    browser.post("/now/pause", data=PAUSE, follow_redirects=False)
    name = next(cookie.name for cookie in browser.cookies.jar if cookie.name.endswith("-said"))
    browser.cookies.set(name, "W1sibm93LnNhaWQucGF1c2VkIix7fSwiZG9uZSJdXQ.AAAA")
    assert browser.get("/").status_code == 200
