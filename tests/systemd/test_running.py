"""The unit under a real systemd: when it is ready, how it stops, what happens when it is stuck, what it may do."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.systemd.machine import UNIT, Machine
from tests.systemd.service import Service

pytestmark = pytest.mark.e2e
QUICK = "[Service]\nRestartSec=200ms\nWatchdogSec=4\n"
FACES = {"a-first.png": "ok", "b-second.png": "once:hang", "talk.wav": "not really a sound"}


@pytest.fixture(scope="module")
def installed(machine: Machine) -> Service:
    machine.run("lipsyncd", "install-service")
    machine.run("useradd", "--groups", "lipsyncd", "anna")
    return Service(machine)


@pytest.fixture
def service(installed: Service) -> Service:
    installed.reset()
    return installed


def test_a_drop_right_after_the_start_is_taken_and_people_may_delete_the_result(service: Service, sample: Path) -> None:
    service.restart()
    machine = service.machine
    assert machine.shown("ActiveState") == "active"
    assert "watching" in " ".join(service.messages()[-2:])  # READY, and with it the end of the start, come after it
    service.drop("周报 one", {"ann.jpg": sample / "astronaut.jpg", "talk.flac": sample / "hello.en.flac"})
    assert {"ann.mp4", "ann.jpg", "manifest.json"} <= service.done("周报 one")
    user, group = machine.run("stat", "-c", "%U %G", f"{service.root}/done/周报 one/ann.mp4").split()
    assert (user, group) == ("lipsyncd", "lipsyncd")
    machine.run("runuser", "-u", "anna", "--", "rm", "-r", f"{service.root}/done/周报 one")


def test_a_guest_of_an_open_share_may_delete_all_of_the_result(service: Service, sample: Path) -> None:
    """Somebody who is in no group of ours, on a share where everybody may write."""
    machine = service.machine
    machine.sh(
        "id guest >/dev/null 2>&1 || useradd guest; chmod 2777 /srv/lipsyncd /srv/lipsyncd/inbox /srv/lipsyncd/done"
    )
    service.restart()
    files = {"ann.jpg": sample / "astronaut.jpg", "talk.flac": sample / "hello.en.flac"}
    service.drop("open", files, who="guest", umask="000")
    assert "ann.mp4" in service.done("open")
    machine.run("runuser", "-u", "guest", "--", "rm", "-r", f"{service.root}/done/open")
    machine.sh("chmod 2770 /srv/lipsyncd /srv/lipsyncd/inbox /srv/lipsyncd/done")


def test_a_group_that_the_service_is_in_gets_what_its_people_dropped(service: Service, sample: Path) -> None:
    """Folders of another group, without any set-group-id bit."""
    machine = service.machine
    machine.sh("groupadd --force press; id carl >/dev/null 2>&1 || useradd carl; usermod -aG press lipsyncd")
    machine.sh("usermod -aG press,lipsyncd carl; chmod 0770 /srv/lipsyncd/*")
    service.restart()
    files = {"ann.jpg": sample / "astronaut.jpg", "talk.flac": sample / "hello.en.flac"}
    service.drop("press", files, who="carl", group="press")
    assert "ann.mp4" in service.done("press")
    groups = machine.run("find", f"{service.root}/done/press", "-name", "[a-z]*", "-printf", "%g\n")
    assert set(groups.split()) == {"press"}
    machine.run("runuser", "-u", "carl", "--", "rm", "-r", f"{service.root}/done/press")
    machine.sh("chmod 2770 /srv/lipsyncd/*")


def test_a_real_render_behind_every_wall(service: Service, sample: Path) -> None:
    service.configure(engine="reshape")
    service.restart()
    machine = service.machine
    service.drop("real", {"ann.jpg": sample / "astronaut.jpg", "talk.flac": sample / "hello.en.flac"})
    machine.wait(machine.children)
    (renderer,) = machine.children()
    machine.wait(lambda: any("confined" in message for message in service.messages()))
    for process in (machine.main, renderer):
        status = machine.status(process)
        assert (status["NoNewPrivs"], status["Seccomp"], int(status["CapEff"], 16)) == ("1", "2", 0)
        assert int(status["CapBnd"], 16) == 0
        assert "0" not in status["Uid"].split()
    said = [message for message in service.messages() if "confined: " in message][-1]
    assert "files (Landlock" in said or "no Landlock" in said
    assert "network (seccomp)" in said
    assert "ann.mp4" in service.done("real")
    assert any("signed" in message for message in service.messages())
    verified = machine.run("lipsyncd", "verify", f"{service.root}/done/real", check=False)
    assert "ann.mp4" in verified


def test_stopped_in_the_middle_of_a_take_and_gone_on_with(service: Service) -> None:
    service.fake()
    service.restart()
    service.drop("stopped", FACES)
    service.machine.wait(lambda: service.begun("b-second.png") == 1)
    before = time.monotonic()
    service.machine.run("systemctl", "stop", UNIT)
    assert time.monotonic() - before < 60, "of ninety after which systemd kills"
    assert service.machine.shown("Result") == "success"
    service.machine.run("systemctl", "start", UNIT)
    assert {"a-first.mp4", "b-second.mp4"} <= service.done("stopped")
    assert [service.begun(face) for face in ("a-first.png", "b-second.png")] == [1, 2]


@pytest.mark.parametrize("way", ["stopped", "loop"])
def test_a_daemon_that_is_stuck_is_started_again(service: Service, way: str) -> None:
    """Once the whole process stands still, as under a debugger; once only the main loop does."""
    service.fake()
    service.drop_in("60-quick", QUICK)
    service.restart()
    machine = service.machine
    faces = {name.replace("-", f"-{way}-"): text for name, text in FACES.items()}
    service.drop(f"stuck {way}", faces)
    machine.wait(lambda: service.begun(f"b-{way}-second.png") == 1)
    time.sleep(5)
    assert machine.shown("NRestarts") == "0"  # a long take is no reason: the loop turns while it is rendered
    if way == "stopped":
        machine.run("kill", "-STOP", str(machine.main))
    else:
        machine.run("runuser", "-u", "lipsyncd", "--", "touch", "/var/lib/lipsyncd/stuck")
        machine.run("pkill", "-KILL", "-P", str(machine.main), "-f", "fake_renderer")
    machine.wait(lambda: machine.shown("NRestarts") == "1")
    assert any("watchdog" in str(entry["MESSAGE"]).lower() for entry in machine.journal())
    assert {f"a-{way}-first.mp4", f"b-{way}-second.mp4"} <= service.done(f"stuck {way}")
    assert service.begun(f"a-{way}-first.png") == 1


def fingerprint(service: Service) -> str:
    """The certificate that the last result was signed with."""
    signed = [message for message in service.messages() if message.startswith("signed ")]
    return signed[-1].partition("certificate=")[2]


def test_secrets_come_as_credentials(service: Service, sample: Path) -> None:
    """A key of one's own that only root may read signs the result, and is nowhere else."""
    machine = service.machine
    machine.sh(
        "install -d -m 700 /etc/lipsyncd/secrets; cd /var/lib/lipsyncd/credentials; "
        "install -m 644 certificate.pem /etc/lipsyncd/certificate.pem; "
        "install -m 600 key.pem /etc/lipsyncd/secrets/c2pa-key.pem; rm -r /var/lib/lipsyncd/credentials"
    )
    before = fingerprint(service)
    service.configure(more='[credentials]\ncertificate = "/etc/lipsyncd/certificate.pem"\n')
    service.drop_in("60-secret", "[Service]\nLoadCredential=c2pa-key:/etc/lipsyncd/secrets/c2pa-key.pem\n")
    service.restart()
    service.drop("secret", {"ann.jpg": sample / "astronaut.jpg", "talk.flac": sample / "hello.en.flac"})
    assert "ann.mp4" in service.done("secret")
    assert not machine.exists("/var/lib/lipsyncd/credentials")  # nothing was made up in its place
    assert fingerprint(service) == before
    secret = machine.run("grep", "-v", "-e", "---", "/etc/lipsyncd/secrets/c2pa-key.pem").splitlines()[0]
    kept = f"/run/credentials/{UNIT}/c2pa-key"
    assert secret not in machine.run("cat", f"/proc/{machine.main}/environ")
    assert machine.attempt("runuser", "-u", "anna", "--", "cat", kept).returncode != 0
    assert machine.attempt("grep", "-rl", secret, "/var", "/srv", "/tmp").stdout == ""
    machine.run("systemctl", "stop", UNIT)
    assert not machine.exists(kept)


def test_the_journal_knows_weight_and_job(service: Service) -> None:
    service.restart()
    service.drop("bad", {"ann.jpg": "no picture at all", "talk.flac": "no sound at all"})
    machine = service.machine
    machine.wait(lambda: service.ended("bad") == "failed")
    machine.wait(lambda: any("folder=failed/bad" in said for said in service.messages()))
    over = next(entry for entry in reversed(machine.journal()) if "folder=failed/bad" in str(entry["MESSAGE"]))
    ours = [entry for entry in machine.journal() if entry.get("LIPSYNCD_JOB") == over["LIPSYNCD_JOB"]]
    assert len(ours) > 3
    assert {entry["PRIORITY"] for entry in ours} > {"6"}
    assert {(entry["_SYSTEMD_UNIT"], entry["SYSLOG_IDENTIFIER"]) for entry in ours} == {(UNIT, "lipsyncd")}
    job = f"LIPSYNCD_JOB={over['LIPSYNCD_JOB']}"
    grave = machine.run("journalctl", "-u", UNIT, "-p", "warning", "-o", "cat", job)
    assert "talk.flac" in grave
    assert not grave.startswith("{")


def test_a_wrong_configuration_is_told_once_and_an_absent_root_is_waited_for(service: Service) -> None:
    machine = service.machine
    service.drop_in("60-quick", QUICK)
    machine.write("/etc/lipsyncd/config.toml", "[render]\nengine = 5\n")
    assert machine.attempt("systemctl", "restart", UNIT).returncode != 0
    machine.wait(lambda: (machine.shown("ActiveState"), machine.shown("ExecMainStatus")) == ("failed", "2"))
    assert any("render.engine" in message for message in service.messages())
    service.configure()
    machine.sh("mv /srv/lipsyncd /srv/away; systemctl daemon-reload; systemctl start --no-block lipsyncd")
    machine.wait(lambda: int(machine.shown("NRestarts")) > 2)
    machine.sh("mv /srv/away /srv/lipsyncd")
    machine.wait(lambda: machine.shown("ActiveState") == "active")


def test_a_share_that_comes_later_goes_and_comes_back(installed: Service, sample: Path) -> None:
    """With the guard on, what systemd binds onto itself is not taken for the share."""
    installed.reset()
    machine = installed.machine
    service = Service(machine, "/media")  # a folder on the system's own disk, which only root may write to
    service.configure(guard=True)
    service.drop_in("60-share", "[Service]\nReadWritePaths=-/media\n")
    service.restart()
    mount = (
        "mount -t tmpfs -o mode=2770,gid=lipsyncd,uid=lipsyncd share /media; cd /media; "
        "for d in inbox working done failed; do install -d -m 2770 -o lipsyncd -g lipsyncd $d; done"
    )
    files = {"ann.jpg": sample / "astronaut.jpg", "talk.flac": sample / "hello.en.flac"}
    for times, name in enumerate(("come", "back"), 1):
        machine.wait(lambda: sum("not mounted" in said for said in service.messages()) == times)  # noqa: B023
        machine.sh(mount)
        service.drop(name, files)
        assert "ann.mp4" in service.done(name)
        machine.sh("umount /media")


def probed(service: Service, more: str = "", *words: str) -> dict[str, dict[str, str]]:
    """Run the probe in the place of the daemon, under the same unit."""
    machine = service.machine
    service.drop_in(
        "90-probe",
        "[Service]\nType=oneshot\nRestart=no\nExecStart=\nStandardOutput=truncate:/run/probe.json\n"
        f"ExecStart=/usr/bin/env python3 /mnt/source/tests/systemd/probe.py {' '.join(words) or '1'}\n{more}",
    )
    service.restart()
    answer: dict[str, dict[str, str]] = json.loads(machine.run("cat", "/run/probe.json"))
    return answer


def test_nothing_but_its_own_is_open_to_it(service: Service) -> None:
    found = probed(service)
    assert {name for name, said in found["families"].items() if said == "ok"} == {"AF_UNIX"}
    assert set(found["elsewhere"].values()) <= {"EROFS", "EACCES"}
    assert set(found["ours"].values()) == {"ok"}
    assert set(found["run"].values()) == {"EACCES"}
    assert set(found["calls"].values()) == {"EPERM"}
    assert not {"vda", "sda", "mem", "kmsg", "fuse", "net"} & set(found["devices"])
    assert found["processes"] == []
    assert found["user"] != 0


def test_the_drop_in_for_publishing_opens_what_it_says(service: Service) -> None:
    machine = service.machine
    machine.sh("ip address replace 10.9.9.9/32 dev lo; systemctl stop listener 2>/dev/null || true")
    machine.run(
        "systemd-run",
        "-q",
        "--unit=listener",
        "--collect",
        "/opt/lipsyncd/.venv/bin/python3",
        "-m",
        "http.server",
        "8123",
    )
    reach = "import socket; socket.create_connection(('127.0.0.1', 8123), 5)"
    machine.wait(lambda: not machine.attempt("python3", "-c", reach).returncode)
    publish = (Path(__file__).parents[2] / "systemd" / "publish.conf").read_text(encoding="utf-8")
    found = probed(service, publish, "8123", "127.0.0.1", "10.9.9.9")
    assert {name for name, said in found["families"].items() if said == "ok"} == {"AF_UNIX", "AF_INET", "AF_INET6"}
    assert found["reached"]["127.0.0.1"] == "ok"
    assert found["reached"]["10.9.9.9"] != "ok"
    found = probed(service, publish.replace("#IPAddressAllow=any", "IPAddressAllow=any"), "8123", "10.9.9.9")
    assert found["reached"]["10.9.9.9"] == "ok"


NODE = """
import sys, time
from pathlib import Path

sys.path.insert(0, "/mnt/source")
from tests.publishers.small_node import SmallNode

with SmallNode() as node:
    Path("/mnt/share/node").write_text(node.url)
    while True:
        time.sleep(0.1)
        seen = {value for call in node.calls for key, value in call.headers.items() if key.lower() == "authorization"}
        Path("/mnt/share/seen").write_text(" ".join(sorted(seen)))
"""


def test_a_job_is_published_once_the_drop_in_is_there(service: Service, sample: Path) -> None:
    """To a node on this machine that wants a token; the token comes as a credential."""
    machine = service.machine
    (machine.share / "node.py").write_text(NODE, encoding="utf-8")
    machine.run(
        "systemd-run", "-q", "--unit=node", "--collect", "/opt/lipsyncd/.venv/bin/python3", "/mnt/share/node.py"
    )
    machine.wait((machine.share / "node").exists)
    url = (machine.share / "node").read_text(encoding="utf-8")
    service.configure(more=f'[publish]\nto = ["ipfs"]\n[publish.ipfs]\napi = "{url}"\ngateway = "{url}"\n')
    service.restart()
    service.drop("told", {"ann.jpg": sample / "astronaut.jpg", "talk.flac": sample / "hello.en.flac"})
    machine.wait(lambda: any("publisher did not answer" in said for said in service.messages()))
    assert any("has no network to publish over" in said for said in service.messages())
    assert service.ended("told") == ""
    publish = (Path(__file__).parents[2] / "systemd" / "publish.conf").read_text(encoding="utf-8")
    machine.write("/etc/lipsyncd/secrets/ipfs-auth", "token-of-mine\n", mode=0o600)
    service.drop_in("60-publish", publish.replace("#LoadCredential=ipfs-auth", "LoadCredential=ipfs-auth"))
    service.restart()
    service.done("told")
    assert "/ipfs/" in machine.run("cat", f"{service.root}/done/told/post.md")
    assert "token-of-mine" in (machine.share / "seen").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["gpu", "metrics", "page", "publish"])
def test_it_runs_with_every_drop_in(service: Service, name: str) -> None:
    text = (Path(__file__).parents[2] / "systemd" / f"{name}.conf").read_text(encoding="utf-8")
    service.drop_in("60-shipped", text)
    service.restart()
    assert service.machine.shown("ActiveState") == "active"
    assert service.machine.run("systemd-analyze", "verify", f"/etc/systemd/system/{UNIT}") == ""
