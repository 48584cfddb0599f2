"""What docs/operations.md tells people to type, typed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.systemd.machine import UNIT, Machine
from tests.systemd.service import Service

pytestmark = pytest.mark.e2e
PAGE = Path(__file__).parents[2] / "docs" / "operations.md"
GLOBAL = """[global]
server role = standalone server
interfaces = lo
bind interfaces only = yes
disable netbios = yes
load printers = no
disable spoolss = yes
"""


def block(kind: str, holds: str) -> str:
    """The code block of the page that holds some words."""
    text = PAGE.read_text(encoding="utf-8")
    found = [code for code in re.findall(rf"```{kind}\n(.*?)```", text, re.DOTALL) if holds in code]
    assert len(found) == 1, f"docs/operations.md has {len(found)} blocks with {holds}"
    return str(found[0])


@pytest.fixture(scope="module")
def service(machine: Machine) -> Service:
    machine.run("lipsyncd", "install-service")
    machine.sh("useradd --groups lipsyncd anna")
    service = Service(machine)
    service.configure()
    service.restart()
    return service


@pytest.mark.skipif(shutil.which("smbd") is None or shutil.which("smbclient") is None, reason="Samba is not installed")
def test_the_samba_recipe(service: Service, sample: Path) -> None:
    """anna drops a folder over SMB, gets the video back and deletes it all."""
    machine = service.machine
    machine.sh("mkdir -p /var/lib/samba/private /var/log/samba /var/cache/samba /run/samba")
    machine.write("/etc/samba/smb.conf", GLOBAL + block("ini", "[lipsyncd]"))
    machine.sh("printf 'secret\\nsecret\\n' | smbpasswd -s -a anna")
    machine.run(
        "systemd-run", "-q", "--unit=share", "--collect", "/usr/sbin/smbd", "--foreground", "--no-process-group"
    )
    for name in ("astronaut.jpg", "hello.en.flac"):
        shutil.copy(sample / name, machine.share / name)

    def smb(commands: str) -> bool:
        words = ("smbclient", "//127.0.0.1/lipsyncd", "-U", "anna%secret", "-c", f"lcd /mnt/share; {commands}")
        return machine.attempt(*words).returncode == 0

    machine.wait(lambda: smb("ls"))
    assert smb("mkdir inbox/周报; cd inbox/周报; put astronaut.jpg; put hello.en.flac")
    service.done("周报")
    assert smb("cd done/周报; get astronaut.mp4; get manifest.json")
    assert (machine.share / "astronaut.mp4").stat().st_size > 1000
    assert smb("deltree done/周报")
    assert service.ended("周报") == ""


def test_the_recipe_for_a_user_that_exists_only_while_it_runs(service: Service, sample: Path) -> None:
    machine = service.machine
    service.drop_in("60-passing", block("ini", "DynamicUser=yes"))
    service.restart()
    assert machine.run("ps", "-o", "user:40=", "-p", str(machine.main)).strip() == "lipsyncd-passing"
    service.drop("passing", {"ann.jpg": sample / "astronaut.jpg", "talk.flac": sample / "hello.en.flac"})
    assert "ann.mp4" in service.done("passing")
    machine.run("systemctl", "stop", UNIT)
    assert machine.attempt("id", "lipsyncd-passing").returncode != 0
    machine.run("runuser", "-u", "anna", "--", "rm", "-r", f"{service.root}/done/passing")
    service.reset()


def test_the_recipe_for_giving_results_to_their_owners(service: Service, sample: Path) -> None:
    """anna gets hers though the service is not root; without the drop-in they would be the service's."""
    lines = re.findall(r"`((?:Ambient|Bounding|Capability)[A-Za-z]+=CAP_CHOWN)`", PAGE.read_text(encoding="utf-8"))
    assert len(lines) == 2
    service.drop_in("60-chown", "\n".join(["[Service]", *lines]) + "\n")
    service.restart()
    service.drop("hers", {"ann.jpg": sample / "astronaut.jpg", "talk.flac": sample / "hello.en.flac"})
    assert "ann.mp4" in service.done("hers")
    owners = service.machine.run(
        "find", f"{service.root}/done/hers", "-maxdepth", "1", "-name", "[a-z]*", "-printf", "%u\n"
    )
    assert set(owners.split()) == {"anna"}
    service.reset()


def signer(service: Service) -> str:
    signed = [message for message in service.messages() if message.startswith("signed ")]
    return signed[-1].partition("certificate=")[2]


def test_a_backup_brings_the_signer_back(service: Service, sample: Path) -> None:
    """Backed up as the page says, lost, installed anew, put back as the page says."""
    machine = service.machine
    service.restart()
    files = {"ann.jpg": sample / "astronaut.jpg", "talk.flac": sample / "hello.en.flac"}
    service.drop("before", files)
    service.done("before")
    before = signer(service)
    copy = re.search(r"`(systemctl stop lipsyncd; tar [^`]+)`", PAGE.read_text(encoding="utf-8"))
    assert copy is not None
    machine.sh(copy[1])
    machine.sh("lipsyncd uninstall-service; rm -rf /var/lib/lipsyncd /srv/lipsyncd/done/before; userdel lipsyncd")
    machine.sh("useradd --system someone-else; lipsyncd install-service; systemctl stop lipsyncd")
    machine.sh("tar -C /var/lib -xpzf /var/backups/lipsyncd-state.tgz")
    again = re.search(r"`(chown -R lipsyncd:lipsyncd [^`]+)`", PAGE.read_text(encoding="utf-8"))
    assert again is not None
    machine.sh(f"{again[1]}; systemctl start lipsyncd")
    service.drop("after", files)
    assert "ann.mp4" in service.done("after")
    assert signer(service) == before


def test_the_recipe_for_doctor(service: Service) -> None:
    words = re.search(r"`(runuser -u lipsyncd [^`]+ doctor [^`]+)`", PAGE.read_text(encoding="utf-8"))
    assert words is not None
    said = service.machine.attempt("sh", "-c", words[1], seconds=120)
    assert "ok    root" in said.stdout or "root" in said.stdout, said.stdout + said.stderr
    assert "fail" not in said.stdout, said.stdout
