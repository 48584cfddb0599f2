"""The metrics: counted right, shown to who asks, and nobody's names in them."""

from __future__ import annotations

import re
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from daemon.config import ConfigError, load_settings
from daemon.errors import ListenError
from daemon.message import Answer, Gpu
from daemon.metrics import Metrics
from daemon.metrics_read import Reader
from daemon.metrics_server import MetricsServer
from lipsync import gpu_memory
from publishers.ledger import Ledger
from publishers.record import Record
from tests.daemon.bench import Bench
from tests.daemon.fake_store import Stores

FILES = {"voice.wav": "some words", "ann.png": "ok", "bob.mp4": "ok too"}
VIDEOS = ("ann.mp4", "ann.jpg", "bob.mp4", "bob.jpg")
ON = {"metrics": {"listen": "127.0.0.1:0"}}

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def asked(address: str, path: str = "/metrics", seconds: float = 30) -> str:
    with urllib.request.urlopen(f"http://{address}{path}", timeout=seconds) as answer:
        return answer.read().decode()


def samples(text: str) -> Samples:
    """Every value, by name and labels."""
    families = text_string_to_metric_families(text)
    return {(one.name, tuple(sorted(one.labels.items()))): one.value for each in families for one in each.samples}


class Shown:
    """What a running daemon of a bench shows."""

    def __init__(self, bench: Bench) -> None:
        self.bench = bench

    @property
    def address(self) -> str:
        log = self.bench.place / "log"
        found = re.findall(r'"event": "metrics are shown".*"address": "([^"]+)"', log.read_text(encoding="utf-8"))
        return found[-1]

    def text(self) -> str:
        return asked(self.address)

    def value(self, name: str, **labels: str) -> float:
        return samples(self.text()).get((f"lipsyncd_{name}", tuple(sorted(labels.items()))), 0.0)

    def total(self, name: str) -> float:
        """All values of a name, whatever their labels."""
        return sum(value for (each, _), value in samples(self.text()).items() if each == f"lipsyncd_{name}")

    def wait(self) -> None:
        log = self.bench.place / "log"
        self.bench.wait(lambda: log.exists() and '"event": "ready"' in log.read_text(encoding="utf-8"))


def test_jobs_takes_stages_and_failures_are_counted(bench: Bench) -> None:
    shown = Shown(bench)
    with bench.watching(**ON):
        shown.wait()
        bench.drop("talk", FILES)
        bench.drop("half", {"voice.wav": "words", "a.png": "ok", "b.png": "no-face", "c.heic": "x"})
        bench.drop("bad", {"voice.wav": "words", "a.png": "exit"})
        bench.drop("worse", {"voice.wav": "words"})
        bench.wait(lambda: {"done/talk", "done/half", "failed/bad"} <= set(bench.places()))
        bench.wait(lambda: shown.total("jobs_finished_total") == 3 and shown.value("inbox_folders", state="arriving"))
        text = shown.text()
    found = samples(text)

    def value(name: str, **labels: str) -> float:
        return found.get((f"lipsyncd_{name}", tuple(sorted(labels.items()))), 0.0)

    assert value("jobs_finished_total", outcome="done") == 1
    assert value("jobs_finished_total", outcome="incomplete") == 1
    assert value("jobs_finished_total", outcome="failed") == 1
    assert value("jobs_taken_total") == 3
    assert value("job_failures_total", reason="no video") == 1
    assert value("takes_finished_total", outcome="made") == 3
    assert value("takes_finished_total", outcome="failed") == 3
    assert value("take_failures_total", reason="refused", type="NoFaceError") == 1
    assert value("take_failures_total", reason="died", type="") == 2, "two tries"
    assert value("take_failures_total", reason="unread", type="") == 1
    assert value("renderer_ends_total", reason="died") == 2
    assert value("renderer_starts_total") in (2, 3)
    assert value("stage_seconds_count", stage="render", publisher="") == 3
    assert value("stage_seconds_count", stage="hash", publisher="") == 3
    assert value("stage_seconds_count", stage="wait", publisher="") == 3
    assert value("stage_seconds_count", stage="identify", publisher="") == 3
    assert value("inbox_folders", state="arriving") == 1, "a folder without a face may still get one"
    assert value("free_bytes", place="root") > 1 << 20
    assert value("free_bytes", place="state") > 1 << 20
    assert value("resident_bytes", process="daemon") > 1 << 20
    assert value("open_files", process="daemon") > 3
    assert abs(value("turned_timestamp_seconds") - time.time()) < 10


def test_what_is_in_hand_is_seen_while_it_is_rendered(bench: Bench) -> None:
    shown = Shown(bench)
    with bench.watching(**ON):
        shown.wait()
        bench.drop("long", {"voice.wav": "words", "a.png": "held", "b.png": "ok"})
        bench.wait(lambda: shown.value("rendering_share") > 0.3)
        assert shown.value("rendering") == 1
        assert 0 < shown.value("rendering_seconds") < 100
        bench.wait(lambda: shown.value("jobs", state="queued") == 1)
        assert shown.value("takes_waiting") == 2
        assert shown.value("resident_bytes", process="renderer") > 1 << 20
        bench.release("a.png")
        bench.wait(lambda: "done/long" in bench.places())
        bench.wait(lambda: shown.value("jobs", state="queued") == 0)
        bench.wait(lambda: shown.value("rendering") == 0)


def test_no_name_gets_into_the_metrics(bench: Bench) -> None:
    shown = Shown(bench)
    name = "GEHEIM"
    with bench.watching(**ON):
        shown.wait()
        toml = f'title = "{name} title"\ndescription = "{name} words"\n'
        bench.drop(
            f"{name} one", {f"{name}.wav": "w", f"{name}-a.png": "ok", f"{name}-b.png": "no-face", "job.toml": toml}
        )
        bench.drop(f"{name} two", {f"{name}.wav": "w", f"{name}-a.png": "exit"})
        bench.drop(f"{name} three", {f"{name}.wav": "w", f"{name}.png": "ok", "job.toml": "nonsense"})
        bench.wait(lambda: len([place for place in bench.places() if place.startswith(("done", "failed"))]) == 3)
        bench.wait(lambda: shown.total("jobs_finished_total") == 3)
        text = shown.text()
    assert 'reason="refused"' in text
    assert name.lower() not in text.lower()
    assert str(bench.place) not in text
    assert bench.root.name not in text.replace('place="root"', "").replace("of the root", "")


def test_what_is_published_and_what_it_cost_is_counted(bench: Bench, stores: Stores) -> None:
    shown = Shown(bench)
    Ledger(bench.place / "state").intend(
        Record("arweave:arweave.N.1", "k", "ar://one", parcel="job", owner="me", winston=5 * 10**18)
    )
    stores.tell("beta", away=True)
    bench.drop("talk", FILES)
    with bench.watching(**ON, publish={"to": ("alpha", "beta")}):
        shown.wait()
        bench.wait(lambda: shown.value("publisher_failures_total", publisher="beta", type="Unreachable") > 2)
        assert shown.value("jobs", state="marked") == 1
        bench.wait(lambda: shown.value("job_state_seconds", state="marked") > 0.5)
        stores.tell("beta")
        bench.wait(lambda: "done/talk" in bench.places())
        text = shown.text()
    found = samples(text)
    job = bench.job("done/talk")
    videos = sum(kept.bytes for take in job.takes for kept in (take.video, take.poster) if kept)
    for place in ("alpha", "beta"):
        label = (("publisher", place),)
        assert found["lipsyncd_published_files_total", label] == len(VIDEOS) + 3, "with their papers"
        assert found["lipsyncd_published_bytes_total", label] == videos
        assert found["lipsyncd_stage_seconds_count", (("publisher", place), ("stage", "publish"))] == len(VIDEOS) + 3
    intended = (("place", "arweave:arweave.N.1"), ("state", "intended"))
    assert found["lipsyncd_ledger_records", intended] == 1
    assert found["lipsyncd_ledger_winston", intended] == 5e18


def test_a_folder_dropped_again_is_counted_as_taken_over(bench: Bench, stores: Stores) -> None:
    shown = Shown(bench)
    with bench.watching(**ON, publish={"to": ("alpha",)}):
        shown.wait()
        for name in ("talk", "again"):
            bench.drop(name, FILES)
            bench.wait(lambda name=name: f"done/{name}" in bench.places())
        assert shown.value("takes_finished_total", outcome="made") == 2
        assert shown.value("takes_finished_total", outcome="reused") == 2


def test_a_damaged_ledger_leaves_the_rest_readable(tmp_path: Path) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(b"no ledger" * 100)
    text = generate_latest(Metrics(Reader(tmp_path, tmp_path, "1")).registry).decode()
    assert "lipsyncd_free_bytes" in text
    assert not [name for name, _ in samples(text) if name.startswith("lipsyncd_ledger")]


def test_the_gpu_is_told_by_the_render_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    assert gpu_memory() is None
    cuda = SimpleNamespace(
        is_initialized=lambda: True, mem_get_info=lambda: (60 * 2**30, 80 * 2**30), memory_reserved=lambda: 2 * 2**30
    )
    monkeypatch.setitem(sys.modules, "torch", SimpleNamespace(cuda=cuda))
    line = Answer(speeches_heard=1, gpu=Gpu.of(gpu_memory())).line()
    gpu = Answer.of(line.encode()).gpu
    assert gpu == Gpu(held=2 * 2**30, free=60 * 2**30, total=80 * 2**30)
    metrics = Metrics(Reader(tmp_path, tmp_path, "1"))
    assert "gpu_bytes" not in generate_latest(metrics.registry).decode()
    metrics.gpu(gpu)
    found = samples(generate_latest(metrics.registry).decode())
    assert found["lipsyncd_gpu_bytes", (("of", "free"),)] == 60 * 2**30
    metrics.renderer_ended("died")
    assert "gpu_bytes" not in generate_latest(metrics.registry).decode()


def test_a_bug_is_counted_and_its_job_shown_as_left_alone(bench: Bench, stores: Stores) -> None:
    shown = Shown(bench)
    stores.tell("alpha", bug=True)
    bench.drop("talk", FILES)
    with bench.watching(**ON, publish={"to": ("alpha",)}):
        shown.wait()
        bench.wait(lambda: shown.value("jobs", state="parked") == 1)
        assert shown.value("faults_total") == 1


def test_a_renderer_cannot_name_its_own_labels(tmp_path: Path) -> None:
    metrics = Metrics(Reader(tmp_path, tmp_path, "1"))
    for kind in ("NoFaceError", "alice.mp4", 'x"} 1\nfake_metric 7', "MediaError", ""):
        metrics.take_missed("refused", kind)
    kinds = {dict(sample.labels)["type"] for sample in next(iter(metrics._missed.collect())).samples}
    assert kinds == {"NoFaceError", "MediaError", "other", ""}


def test_off_is_off_and_loads_nothing(bench: Bench) -> None:
    program = (
        "import sys, threading\nfrom daemon import app\nfrom daemon.settings import Settings\n"
        f"settings = Settings(paths={{'root': {str(bench.root)!r}, 'state': {str(bench.place / 'state')!r}}})\n"
        "code = app.run(settings, True)\n"
        "assert 'prometheus_client' not in sys.modules\n"
        "assert not [one for one in threading.enumerate() if one.name == 'metrics']\n"
        "sys.exit(code)"
    )
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 0, ran.stderr


def test_an_address_that_is_taken_ends_the_start_with_two_lines(bench: Bench) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        listen = f"127.0.0.1:{other.getsockname()[1]}"
        config = bench.place / "config.toml"
        config.write_text(f'[paths]\nroot = "{bench.root}"\n[metrics]\nlisten = "{listen}"\n', encoding="utf-8")
        words = [sys.executable, "-m", "daemon", "watch", "--config", str(config)]
        ran = subprocess.run(words, capture_output=True, text=True, timeout=240, check=False)
    assert ran.returncode == 3
    assert f"the metrics cannot be shown at {listen}" in ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    "listen", ["9464", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999", "::1:9464", "prometheus.example:9464", "[::1]"]
)
def test_what_is_no_address_is_told(tmp_path: Path, listen: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(f'[metrics]\nlisten = "{listen}"\n', encoding="utf-8")
    with pytest.raises(ConfigError, match=r"metrics\.listen: it should be an address and a port"):
        load_settings(config)


def test_an_address_that_others_can_reach_is_warned_of(bench: Bench) -> None:
    with bench.watching(metrics={"listen": "0.0.0.0:0"}):
        Shown(bench).wait()
    line = next(line for line in bench.log if line["event"] == "metrics are shown")
    assert line["level"] == "warning"
    assert line["readable"] == "from outside"


def test_it_listens_no_longer_than_the_daemon_works(bench: Bench) -> None:
    shown = Shown(bench)
    with bench.watching(**ON):
        shown.wait()
        assert "lipsyncd_build_info" in shown.text()
        begun = time.monotonic()
    assert time.monotonic() - begun < 30
    with pytest.raises(urllib.error.URLError):
        shown.text()


@pytest.fixture
def server(tmp_path: Path) -> MetricsServer:
    server = MetricsServer("127.0.0.1:0", Metrics(Reader(tmp_path, tmp_path, "1")).registry)
    yield server
    server.close()


def test_only_one_page_is_there(server: MetricsServer) -> None:
    assert "lipsyncd_build_info" in asked(server.address)
    for path in ("/", "/metrics/../etc/passwd", "/favicon.ico"):
        with pytest.raises(urllib.error.HTTPError, match="404"):
            asked(server.address, path)


def test_askers_that_hang_hold_up_neither_the_next_nor_the_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.metrics_server._Handler.timeout", 0.5)
    server = MetricsServer("127.0.0.1:0", CollectorRegistry())
    host, _, port = server.address.rpartition(":")
    hung = [socket.create_connection((host, int(port))) for _ in range(30)]
    for one in hung[:4]:
        one.sendall(b"GET /metr")
    time.sleep(0.8)
    begun = time.monotonic()
    asked(server.address)
    assert time.monotonic() - begun < 15
    hung += [socket.create_connection((host, int(port))) for _ in range(10)]
    begun = time.monotonic()
    server.close()
    assert time.monotonic() - begun < 15
    for one in hung:
        one.close()


def test_two_daemons_cannot_share_an_address(server: MetricsServer) -> None:
    with pytest.raises(ListenError, match="cannot be shown"):
        MetricsServer(server.address, CollectorRegistry())


def test_ipv6(tmp_path: Path) -> None:
    try:
        server = MetricsServer("[::1]:0", CollectorRegistry())
    except ListenError:
        pytest.skip("no IPv6 here")
    assert server.here
    asked(server.address)
    server.close()
