"""Several render processes: takes of one job and of several are made side by side, and none disturbs another."""

from __future__ import annotations

import io
import os
import re
import signal
import sys
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, cast

import pytest
from prometheus_client import generate_latest

from daemon import app, control, footing, hardware, rendition, seat, steps
from daemon.crew import Crew
from daemon.job import Job, JobTake, TakeState
from daemon.log import open_log
from daemon.message import Gpu, Request
from daemon.metrics import Metrics
from daemon.metrics_read import Reader
from daemon.seat import Seat, seats
from daemon.settings import Settings
from daemon.status import Estimate, after, progress_line
from daemon.work import Work
from daemon.worker import Worker
from lipsync import Options
from tests.daemon.bench import FAKE, Bench, looked
from tests.daemon.test_scheduling import VOICE, begun, cpu, faces, status

if TYPE_CHECKING:
    from daemon.arrivals import Arrivals

TWO: dict[str, dict[str, object]] = {"render": {"processes": 2}}
THREE: dict[str, dict[str, object]] = {"render": {"processes": 3}}


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has to wait does not wait long."""
    monkeypatch.setattr(steps, "_FIRST_WAIT", 0.2)
    monkeypatch.setattr(rendition, "_ARRIVING", 0.5)
    monkeypatch.setattr(footing, "LOOK_EVERY", 0.2)


def spans(bench: Bench) -> dict[str, tuple[float, float]]:
    """When each face was begun last, and when its video was made."""
    found: dict[str, tuple[float, float]] = {}
    for entry in bench.diary:
        begin, _ = found.get(entry["face"], (0.0, 0.0))
        found[entry["face"]] = (entry["at"], 0.0) if entry["what"] == "begun" else (begin, entry["at"])
    return found


def together(bench: Bench) -> int:
    """How many takes were made at once, at most."""
    moments = [moment for begin, end in spans(bench).values() for moment in ((begin, 1), (end, -1))]
    most = now = 0
    for _, step in sorted(moments):
        now += step
        most = max(most, now)
    return most


def alive(bench: Bench) -> list[int]:
    """The render processes that are still there."""
    return sorted({entry["pid"] for entry in bench.diary if Path(f"/proc/{entry['pid']}/cmdline").exists()})


def test_the_faces_of_one_job_are_made_side_by_side(bench: Bench) -> None:
    bench.drop("talk", faces("a", 4, "meet 2"))
    assert bench.once(**TWO) == 0
    assert together(bench) == 2
    assert len({entry["pid"] for entry in bench.diary}) == 2
    assert sorted(begun(bench)) == [f"a{number:03}.png" for number in range(4)], "nothing is made twice"
    heard = [line["speeches_heard"] for line in bench.log if line["event"] == "take finished"]
    assert heard == [1] * 4, "each process listens once"
    assert {path.name for path in (bench.root / "done/talk").iterdir()} >= {"a000.mp4", "a003.jpg", "manifest.json"}
    assert {entry["cores"] for entry in bench.diary} == {str(-(-len(os.sched_getaffinity(0)) // 2))}


def test_two_jobs_are_made_side_by_side(bench: Bench) -> None:
    bench.drop("one", faces("a", 2, "meet 2"))
    bench.drop("two", faces("b", 2, "meet 2"))
    assert bench.once(**TWO) == 0
    given = [line["face"] for line in bench.log if line["event"] == "take started"]
    assert {face[0] for face in given[:2]} == {"a", "b"}, "each has one of the two, however long its process starts"
    assert together(bench) == 2
    assert bench.places() == ["done/one", "done/two"]


def test_with_one_process_one_is_made_after_the_other(bench: Bench) -> None:
    bench.drop("talk", faces("a", 3, "slow 0.2"))
    assert bench.once(render={"processes": 1}) == 0
    assert together(bench) == 1
    assert {entry["cores"] for entry in bench.diary} == {""}


def test_a_third_one_comes_while_two_are_at_work(bench: Bench) -> None:
    bench.drop("long", faces("l", 2, "slow 60"))
    with bench.watching(**THREE):
        bench.wait(lambda: len(begun(bench)) == 2)
        begin = time.monotonic()
        bench.drop("late", faces("z", 1))
        bench.wait(lambda: (bench.root / "done/late").exists())
        assert time.monotonic() - begin < 30
        bench.wait(lambda: re.match(r"1/2 l000\.mp4 .* %, 2/2 l001\.mp4 ", status(bench, "long")))
        control.cancel(bench.root, "long")
        bench.wait(lambda: "failed/long" in bench.places())


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(
    "word", ["segv", "hang", *(pytest.param(word, marks=pytest.mark.soak) for word in ("exit", "nonsense", "empty"))]
)
def test_what_happens_to_one_disturbs_no_other(bench: Bench, word: str) -> None:
    bench.drop("talk", VOICE | {"ann.png": f"once:{word}", "bob.png": "slow 4" if word == "hang" else "slow 0.8"})
    assert bench.once(**TWO, limits={"silence_s": 3.0}) == 0
    assert (bench.begun("ann.png"), bench.begun("bob.png")) == (2, 1)
    assert bench.places() == ["done/talk"]
    ended = [line for line in bench.log if line["event"] == "renderer started"]
    assert len(ended) in (2, 3), "only the one that was lost is started again"


@pytest.mark.usefixtures("hasty")
def test_what_runs_out_of_memory_is_tried_by_a_fresh_process_and_no_job_is_lost(bench: Bench) -> None:
    bench.drop("talk", VOICE | {"ann.png": "once:tired", "bob.png": "once:tired", "cat.png": "slow 0.5"})
    assert bench.once(**TWO) == 0
    first, again = (
        {entry["pid"] for entry in bench.diary if entry["face"] == "ann.png" and entry["what"] == what}
        for what in ("begun", "made")
    )
    assert again < first
    assert len(first) == 2
    assert not bench.job("done/talk").in_state(TakeState.FAILED)
    assert (bench.begun("ann.png"), bench.begun("bob.png"), bench.begun("cat.png")) == (2, 2, 1)


def test_cancel_ends_its_own_takes_and_no_others(bench: Bench) -> None:
    bench.drop("long", faces("l", 2, "hang"))
    bench.drop("other", faces("o", 1, "slow 2"))
    with bench.watching(**THREE):
        bench.wait(lambda: len(begun(bench)) == 3)
        hanging = {entry["pid"] for entry in bench.diary if entry["face"][0] == "l"}
        cancelled = time.monotonic()
        control.cancel(bench.root, "long")
        bench.wait(lambda: "failed/long" in bench.places() and not list((bench.root / "working").glob("long")))
        assert time.monotonic() - cancelled < 20
        assert not hanging & set(alive(bench))
        bench.wait(lambda: "done/other" in bench.places())
    assert bench.begun("o000.png") == 1


def test_a_job_whose_folder_somebody_removed_lets_its_processes_go(bench: Bench) -> None:
    bench.drop("gone", faces("g", 2, "slow 60"))
    with bench.watching(**THREE):
        bench.wait(lambda: len(begun(bench)) == 2)
        (bench.root / "working/gone").rename(bench.place / "taken away")
        bench.wait(lambda: not alive(bench))
        bench.drop("next", faces("n", 3, "slow 0.3"))
        bench.wait(lambda: "done/next" in bench.places())
    assert any(line["event"] == "a job's folder is gone" for line in bench.log)


def test_sigterm_ends_all_within_seconds_and_they_go_on_later(bench: Bench) -> None:
    bench.drop("talk", faces("a", 3, "once:slow 60"))
    (bench.root / "inbox/talk/short.png").write_text("slow 1.5")
    pid = bench.start(once=False, render={"processes": 4})
    bench.wait(lambda: len(begun(bench)) == 4)
    time.sleep(0.6)
    begin = time.monotonic()
    os.kill(pid, signal.SIGTERM)
    assert bench.end(pid) == 0
    assert time.monotonic() - begin < 30
    assert not alive(bench)
    assert (bench.root / "working/talk/short.mp4").exists(), "what is nearly finished is finished"
    assert [take.attempts for take in bench.job("working/talk").takes] == [0] * 4
    assert bench.once(**TWO) == 0
    assert bench.begun("short.png") == 1


def test_killed_it_leaves_no_orphans_and_makes_nothing_twice(bench: Bench) -> None:
    bench.drop("talk", faces("a", 2) | {"b.png": "once:slow 60", "c.png": "once:slow 60", "d.png": "once:slow 60"})
    pid = bench.start(once=False, **THREE)
    bench.wait(lambda: len(begun(bench)) == 5)
    os.kill(pid, signal.SIGKILL)
    assert bench.end(pid) == -signal.SIGKILL
    bench.wait(lambda: not alive(bench))
    assert bench.once(**THREE) == 0
    assert [bench.begun(face) for face in ("a000.png", "a001.png", "b.png", "c.png", "d.png")] == [1, 1, 2, 2, 2]
    made = [entry["face"] for entry in bench.diary if entry["what"] == "made"]
    assert len(made) == len(set(made)) == 5


def test_folders_have_equal_shares_of_all_processes(bench: Bench) -> None:
    bench.drop("large", faces("l", 14, "slow 0.3") | {"l000.png": "held", "l001.png": "held"})
    with bench.watching(**TWO):
        bench.wait(lambda: len(begun(bench)) == 2)
        bench.drop("small", faces("s", 4, "slow 0.3"))
        bench.wait(lambda: "1 folder takes turns with it" in status(bench, "large"))
        bench.release("l000.png", "l001.png")
        bench.wait(lambda: {"done/small", "done/large"} <= set(bench.places()))
    made = "".join(face[0] for face in begun(bench))
    between = made[made.index("s") : made.rindex("s")]
    assert abs(between.count("l") - between.count("s")) <= 2, made


def test_it_sleeps_while_one_is_at_work_and_another_free(bench: Bench) -> None:
    bench.drop("long", faces("l", 1, "slow 60"))
    with bench.watching(**TWO) as pid:
        bench.wait(lambda: begun(bench))
        time.sleep(0.5)
        before = cpu(pid)
        time.sleep(1.5)
        assert cpu(pid) - before < 0.5, "it sleeps"
        control.cancel(bench.root, "long")
        bench.wait(lambda: "failed/long" in bench.places())


def test_high_takes_all_processes(bench: Bench) -> None:
    bench.drop("usual", faces("u", 2, "slow 0.1"))
    bench.drop("soon", faces("h", 4, "slow 0.1") | {"job.toml": 'priority = "high"'})
    assert bench.once(**TWO) == 0
    assert [face[0] for face in begun(bench)] == list("hhhhuu")


def test_jobs_are_published_while_all_are_at_work(bench: Bench, tmp_path: Path) -> None:
    (tmp_path / "public").mkdir()
    publish = {"to": ("folder",), "folder": {"path": str(tmp_path / "public")}, "review": True}
    bench.drop("talk", faces("t", 1))
    with bench.watching(publish=publish, **TWO):
        bench.wait(lambda: "REVIEW" in str(bench.text("working/talk/job.json")) if begun(bench) else False)
        bench.drop("long", faces("l", 2, "slow 60") | {"job.toml": "review = false"})
        bench.wait(lambda: len(begun(bench)) == 3)
        control.approve(bench.root, "talk")
        bench.wait(lambda: "done/talk" in bench.places())
        control.cancel(bench.root, "long")
        bench.wait(lambda: "failed/long" in bench.places())


def test_a_bug_parks_one_job_and_the_takes_of_others_go_on(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    honest = rendition.place

    def broken(work: Work, face: str) -> None:
        if "bad" in str(work.home):
            raise RuntimeError("a bug")
        honest(work, face)

    monkeypatch.setattr(rendition, "place", broken)
    bench.drop("bad", VOICE | {"a.png": "slow 0.8", "b.png": "once:slow 60"})
    bench.drop("good", faces("g", 1, "slow 1.5"))
    assert bench.once(**THREE) == 1
    assert bench.places() == ["done/good", "working/bad"]
    assert bench.begun("g000.png") == 1
    assert "Traceback" in bench.text("working/bad/job.log")
    monkeypatch.undo()
    assert bench.once(**THREE) == 0
    assert bench.begun("a.png") == 1, "it was made before the bug"


@pytest.mark.usefixtures("hasty")
def test_an_upload_that_goes_on_has_all_hashed_anew(bench: Bench) -> None:
    bench.drop("talk", VOICE | {"ann.png": "held", "bob.png": "once:slow 60"})
    with bench.watching(**TWO):
        bench.wait(lambda: len(begun(bench)) == 2)
        with (bench.root / "working/talk/inputs/ann.png").open("a") as file:
            file.write(" and more")
        bench.release("ann.png")
        bench.wait(lambda: "done/talk" in bench.places())
    assert (bench.begun("ann.png"), bench.begun("bob.png")) == (2, 2)
    assert "and more" in bench.text("done/talk/ann.mp4")


def test_a_file_that_is_gone_fails_its_job_and_no_process_goes_on(bench: Bench) -> None:
    bench.drop("talk", VOICE | {"ann.png": "held", "bob.png": "slow 60"})
    with bench.watching(**TWO):
        bench.wait(lambda: len(begun(bench)) == 2)
        (bench.root / "working/talk/inputs/ann.png").unlink()
        bench.release("ann.png")
        bench.wait(lambda: "failed/talk" in bench.places())
        bench.wait(lambda: "working/talk" not in bench.places())
        assert len(alive(bench)) <= 1
    assert "ann.png is gone" in bench.text("failed/talk/WHY.txt")


@pytest.mark.usefixtures("hasty")
def test_a_full_disk_is_waited_for_by_all(bench: Bench) -> None:
    bench.drop("talk", VOICE | {"ann.png": "once:full", "bob.png": "once:full", "cat.png": "slow 1"})
    with bench.watching(**TWO):
        bench.wait(lambda: "done/talk" in bench.places())
    assert [take.attempts for take in bench.job("done/talk").takes] == [0, 0, 0]


def test_what_is_half_written_by_others_is_left_alone(tmp_path: Path) -> None:
    for name in (".1.0123.part.mp4", ".2.4567.part.mp4", ".12.89ab.part.mp4", "1.mp4"):
        (tmp_path / name).touch()
    rendition.tidy(tmp_path, "1")
    assert sorted(path.name for path in tmp_path.iterdir()) == [".12.89ab.part.mp4", ".2.4567.part.mp4", "1.mp4"]
    rendition.tidy(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["1.mp4"]


def test_each_process_has_a_gpu_of_its_own(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    there = ("GPU-a", "GPU-b")
    monkeypatch.setattr(app, "seats", lambda processes, device: seats(processes, device, there))
    bench.drop("talk", faces("a", 2, "meet 2"))
    assert bench.once(render={"processes": 0}) == 0
    assert sorted({(entry["gpu"], entry["pid"]) for entry in bench.diary}) == sorted(
        {entry["gpu"]: entry["pid"] for entry in bench.diary}.items()
    )
    assert {entry["gpu"] for entry in bench.diary} == set(there)


def test_seats() -> None:
    assert seats(0, "auto", ()) == (Seat(),)
    assert seats(0, "auto", ("0",)) == (Seat(),)
    assert [one.gpu for one in seats(0, "auto", ("0", "1", "2"))] == ["0", "1", "2"]
    assert [one.gpu for one in seats(5, "cuda", ("0", "1"))] == ["0", "1", "0", "1", "0"]
    assert [one.gpu for one in seats(1, "auto", ("4", "7"))] == ["4"]
    assert [one.gpu for one in seats(3, "cpu", ("0", "1"))] == ["", "", ""]
    assert len({one.cores for one in seats(3, "cpu")}) == 1
    assert seats(3, "cpu")[0].cores >= 1


@pytest.mark.parametrize(
    ("visible", "nodes", "found"),
    [
        (None, 2, ("0", "1")),
        (None, 1, ("0",)),
        (None, 0, ()),
        ("1", 2, ("1",)),
        ("GPU-8932, GPU-11ab", 2, ("GPU-8932", "GPU-11ab")),
        ("0,-1,1", 2, ("0",)),
        ("", 2, ()),
        ("NoDevFiles", 0, ()),
    ],
)
def test_gpus_are_found_without_asking_cuda(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, visible: str | None, nodes: int, found: tuple[str, ...]
) -> None:
    for number in range(2):
        (tmp_path / "gpus" / f"0000:0{number}:00.0").mkdir(parents=True)
    for name in ("nvidiactl", "nvidia-uvm", *(f"nvidia{number}" for number in range(nodes))):
        (tmp_path / name).touch()
    monkeypatch.setattr(seat, "_GPUS", tmp_path / "gpus")
    monkeypatch.setattr(seat, "_NODES", tmp_path)
    monkeypatch.setattr(seat, "version", lambda _name: "2.5.0")
    assert seat._gpus({} if visible is None else {"CUDA_VISIBLE_DEVICES": visible}) == found
    monkeypatch.setattr(seat, "_GPUS", tmp_path / "hidden from us")
    assert len(seat._gpus({})) == nodes
    monkeypatch.setattr(seat, "version", lambda _name: "2.5.0+cpu")
    assert seat._gpus({}) == ()


def test_a_take_goes_to_the_process_that_is_warm_for_it(tmp_path: Path) -> None:
    log = open_log(io.StringIO())
    command = (sys.executable, "-S", "-E", str(FAKE), str(tmp_path / "diary"))
    crew = Crew([Worker(log, command=command) for _ in range(2)])

    def asked(speech: str, engine: str = "null") -> Request:
        (tmp_path / "ann.png").write_text("ok")
        (tmp_path / speech).write_text(speech)
        paths = (tmp_path / "ann.png", tmp_path / speech, "left", tmp_path / "1.mp4", tmp_path / "1.jpg")
        return Request(*paths, Options(engine=engine))

    def pid(request: Request) -> int:
        with crew.hand(request) as worker:
            looked(worker.render(request, log))
            return worker.pid

    try:
        first = pid(asked("one.wav"))
        assert pid(asked("one.wav")) == first
        assert pid(asked("two.wav")) == first, "a new process would have all to load"
        other = pid(asked("two.wav", "reshape"))
        assert other != first, "two engines stay warm in two processes"
        assert pid(asked("one.wav")) == first
        with crew.hand(asked("one.wav")), crew.hand(asked("one.wav")):
            assert not crew.free
        assert crew.free
    finally:
        crew.close()
    assert crew.pids == ()


def test_memory_of_gpus_is_added_up_once_for_each() -> None:
    gpu = Gpu(2, 5, 10)
    assert Gpu.together([("0", gpu), ("0", replace(gpu, held=3)), ("1", gpu)]) == Gpu(7, 10, 20)


def test_doctor_says_how_many_there_will_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = {"encoders": {"libx264": True, "h264_nvenc": False, "aac": True}, "gpu": "an H200", "broken": {}}
    monkeypatch.setattr(hardware, "_survey", lambda: machine)

    def told(**render: object) -> tuple[str, str]:
        settings = Settings(paths={"root": tmp_path, "state": tmp_path}, limits={"memory_bytes": 1}, render=render)
        (check,) = (check for check in hardware.hardware(settings) if check.name == "render processes")
        assert check.advice or check.state == "ok"
        return check.state, check.found

    assert told(device="cpu") == ("ok", "1")
    assert told(device="cpu", processes=3) == ("ok", "3")
    monkeypatch.setattr(hardware, "seats", lambda processes, device: seats(processes, device, ("0", "1")))
    assert told() == ("ok", "2, on the GPUs 0, 1")
    machine["gpu"] = ""
    assert told() == ("warn", "2, on the GPUs 0, 1, though torch sees no GPU")
    huge = Settings(
        paths={"root": tmp_path}, limits={"memory_bytes": 1 << 50}, render={"processes": 2, "device": "cpu"}
    )
    (check,) = (check for check in hardware.hardware(huge) if check.name == "render processes")
    assert "Lower render.processes" in check.advice


def test_metrics_count_all_that_are_at_work(tmp_path: Path) -> None:
    metrics = Metrics(Reader(tmp_path, tmp_path, "1"))
    now = time.monotonic()
    job = Job("x", "x", "", "null")
    work = SimpleNamespace(home=tmp_path, job=job, parked=False, at_work=((now - 5, 0.25), (now - 50, 0.5)))
    arrivals = SimpleNamespace(drops=list, arriving=0)
    metrics.see([cast("Work", work)], cast("Arrivals", arrivals))
    for card, pid in (("0", os.getpid()), ("1", os.getppid())):
        metrics.renderer_began(pid)
        metrics.gpu(Gpu(1, 2, 10), pid, card)
    found = dict(line.split(" ") for line in generate_latest(metrics.registry).decode().splitlines() if line[0] != "#")
    assert float(found["lipsyncd_rendering"]) == 2
    assert float(found["lipsyncd_rendering_share"]) == 0.5
    assert 50 <= float(found["lipsyncd_rendering_seconds"]) < 60
    assert float(found['lipsyncd_gpu_bytes{of="total"}']) == 20
    assert float(found['lipsyncd_resident_bytes{process="renderer"}']) > 0
    metrics.renderer_ended("died", os.getppid())
    work.at_work = ()
    metrics.see([cast("Work", work)], cast("Arrivals", arrivals))
    after = generate_latest(metrics.registry).decode()
    assert 'lipsyncd_gpu_bytes{of="total"} 10.0' in after
    assert "lipsyncd_rendering 0.0" in after


def test_the_line_about_several_takes() -> None:
    names = [f"f{number}" for number in range(6)]
    job = Job("x", "x", "", "null", takes=tuple(JobTake(name, f"{name}.png", "v.wav") for name in names))
    now = [0.0]
    estimate = Estimate(clock=lambda: now[0])
    for face in ("f1.png", "f3.png"):
        estimate.begin(face)
    shares = {"f1.png": 0.5, "f3.png": 0.25}
    assert estimate.job_left({"f1.png": 0.0, "f3.png": 0.25}, 4) is None
    now[0] = 10.0
    left = estimate.job_left(shares, after(job, len(shares)))
    assert left == pytest.approx((10 + 30 + 4 * (20 + 40) / 2) / 2)
    assert progress_line(job, shares, left) == "2/6 f1.mp4 50 %, 4/6 f3.mp4 25 %, about 1 min 20 s left"
    assert estimate.job_left(shares, 0) == pytest.approx(30), "the slower one"
    every = {f"{name}.png": 0.0 for name in names}
    assert progress_line(job, every, None).endswith("4/6 f3.mp4 0 %, 2 more at work")
