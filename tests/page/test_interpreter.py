"""Interpreter: what the daemon says in English is said in Chinese on the page, whatever people call their files."""

from __future__ import annotations

import html
import re
import time
from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from daemon.page.house import House
from daemon.page.interpreter import chinese, sentences
from tests.page.shelf import failed, job, partly, put
from tests.page.utterances import utterances

ENOUGH = 0.9
"""Share of all that the code can say of which we want the Chinese; the test says which are lacking."""
CHINESE = {"accept-language": "zh-CN"}


def test_what_the_code_can_say_is_known_in_chinese() -> None:
    found = utterances()
    assert len(found) > 500, "the code is no longer read as it is written"
    lacking = [
        f"{place}: {text}" for text, place in sorted(found.items(), key=lambda pair: pair[1]) if not chinese(text)
    ]
    assert len(lacking) < (1 - ENOUGH) * len(found), "\n".join(["daemon/page/chinese/*.toml lacks", *lacking])


def test_both_languages_have_the_same_holes() -> None:
    for one in sentences():
        assert sorted(re.findall(r"\{(\w+)\}", one.chinese)) == sorted(one.holes), one
        assert len(set(one.holes)) == len(one.holes), one
        assert all(one.pieces[1:-1]), f"two holes side by side: {one}"


@pytest.mark.parametrize("wrong", [r"{han}[,;:?!()]", r"{han}[A-Za-z0-9{{]|[A-Za-z0-9}}%]{han}", "您", r" [“”]|[“”] "])
def test_chinese_is_set_as_chinese(wrong: str) -> None:
    pattern = re.compile(wrong.format(han=r"[\u4e00-\u9fff]"))
    assert [
        one.chinese
        for one in sentences()
        if pattern.search(one.chinese.replace("用户名:密码", "").replace("{said}", "。"))
    ] == []


@pytest.mark.parametrize(
    ("english", "expected"),
    [
        ("no usable face in the picture", "图片中没有可用的人脸"),
        ("No usable face in the picture.", "图片中没有可用的人脸。"),
        ("bob.jpg: no usable face in the picture", "bob.jpg：图片中没有可用的人脸"),
        ("there is no audio file in it. Copy it again.", "里面没有音频文件。请重新复制。"),
        ("Waiting: 3 folders are before this one.", "等待中：前面还有 3 个文件夹。"),
        ("job.toml: colour is not known", "job.toml：不认识 colour"),
        ("the renderer talked nonsense, 3 times", "渲染进程的应答无法理解，已连续 3 次"),
        ("nothing answers at the IPFS gateway (a:80)", "IPFS 网关（a:80）没有应答"),
        ("nothing answers at a（b）", "a（b） 没有应答"),
        ("Anna.wav is still being copied", "“Anna.wav”仍在复制"),
        ("İ.wav is empty", "“İ.wav”是空文件"),
        ("The renderer talked nonsense.", "渲染进程的应答无法理解。"),
        ("a {file} is b.png is empty", "“a {file} is b.png”是空文件"),
        ("<b>{said}</b>.png is empty", "“<b>{said}</b>.png”是空文件"),
        ("is empty", ""),
        (" is empty", ""),
        ("somebody said something else", ""),
        ("", ""),
        ("x" * 5000 + " is empty", ""),
    ],
)
def test_sentences(english: str, expected: str) -> None:
    assert chinese(english) == expected


@pytest.mark.parametrize("part", [" is empty", ": ", ". ", "; ", "a: b. c; ", " is ", "{said}"])
def test_names_cannot_keep_it_busy(part: str) -> None:
    begun = time.process_time()
    chinese(part * (4000 // len(part)))
    assert time.process_time() - begun < 1


def test_a_failed_job_is_explained_in_chinese_and_what_was_written_stays(browser: TestClient, house: House) -> None:
    face = '<img src=x onerror=alert(1)>".png'
    one = partly(job(1, "weekly"))
    lost = replace(one.takes[-1], face=face, error=f"{face}: no usable face in the picture")
    home = put(house.root, failed(replace(one, takes=(*one.takes[:-1], lost))), place="failed")
    (home / "WHY.txt").write_text("weekly\n  What was wrong: The audio is silent.\n")
    text = browser.get("/jobs/00000001", headers=CHINESE).text
    assert '<span title="no usable face in the picture">图片中没有可用的人脸</span>' in text
    assert "What was wrong: The audio is silent." in text
    assert html.escape(face) in html.unescape(text).replace("&#34;", '"') or "<img src=x" not in text
    assert "<img src=x" not in text
    english = browser.get("/jobs/00000001", headers={"accept-language": "en"}).text
    assert "no usable face in the picture" in english
    assert "图片" not in english


def test_what_is_not_known_stays_english_and_says_so(browser: TestClient, house: House) -> None:
    put(house.root, replace(failed(job(1, "weekly")), error="`x` is <new>"), place="failed")
    text = browser.get("/jobs/00000001", headers=CHINESE).text
    assert '<span lang="en"><code>x</code> is &lt;new&gt;</span>' in text


def test_what_cannot_be_done_is_said_in_chinese(browser: TestClient, house: House) -> None:
    put(house.root, job(1, "weekly"), place="working")
    answer = browser.get("/jobs/00000001/delete", headers=CHINESE)
    assert "“weekly”正在处理中" in answer.text
    assert browser.get("/jobs/00000001/delete", headers=CHINESE | {"accept": "application/json"}).json()["error"] == {
        "message": "“weekly”正在处理中",
        "hint": "请先取消，取消后它在 failed/ 中。",
    }
