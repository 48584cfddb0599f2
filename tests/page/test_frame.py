"""The frame of the page: it answers, in two languages, and dressed."""

from __future__ import annotations

from starlette.testclient import TestClient


def test_the_first_page_is_there(browser: TestClient) -> None:
    answer = browser.get("/")
    assert answer.status_code == 200
    assert '<html lang="en">' in answer.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_it_speaks_chinese(browser: TestClient) -> None:
    assert '<html lang="zh-Hans">' in browser.get("/", headers={"accept-language": "zh-CN,zh;q=0.9"}).text
    browser.get("/language/zh")
    assert "当前任务" in browser.get("/").text
