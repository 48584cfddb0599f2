"""install-service and uninstall-service on a machine of their own, as the documents tell people to use them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.systemd.machine import UNIT, Machine
from tests.systemd.service import DROP_INS, Service

pytestmark = pytest.mark.e2e
OURS = f"{DROP_INS}/10-install.conf"


@pytest.fixture
def bare(machine: Machine) -> Iterator[Machine]:
    """The machine without lipsyncd on it."""
    yield machine
    machine.sh(
        "lipsyncd uninstall-service >/dev/null 2>&1 || true; userdel lipsyncd 2>/dev/null || true; "
        f"rm -rf /srv/* /home/* /etc/lipsyncd /var/lib/lipsyncd {DROP_INS}; systemctl daemon-reload; "
        f"systemctl reset-failed {UNIT} 2>/dev/null || true"
    )


def tree(machine: Machine) -> str:
    """Everything that an installation may change: names, owners, modes, contents."""
    places = "/etc/systemd/system /etc/lipsyncd /etc/passwd /srv /var/lib/lipsyncd"
    script = f"find {places} -printf '%p %u %g %m %l\\n' | sort; find {places} -type f -exec sha256sum {{}} + | sort"
    return machine.attempt("sh", "-c", script).stdout


def test_a_dry_run_tells_and_changes_nothing(bare: Machine) -> None:
    before = tree(bare)
    said = json.loads(bare.run("lipsyncd", "install-service", "--dry-run", "--json"))
    assert tree(bare) == before
    assert said["dry_run"]
    assert any("useradd" in step for step in said["steps"])
    refused = bare.attempt("setpriv", "--reuid=65534", "--clear-groups", "lipsyncd", "install-service")
    assert refused.returncode == 3
    assert "root" in refused.stderr


def test_installed_twice_is_installed_once(bare: Machine) -> None:
    bare.run("lipsyncd", "install-service")
    assert bare.run("systemctl", "is-enabled", UNIT).strip() == "enabled"
    assert bare.shown("ActiveState") == "active"
    assert bare.run("stat", "-c", "%U %G %a", "/srv/lipsyncd").strip() == "lipsyncd lipsyncd 2770"
    assert bare.run("stat", "-c", "%U %a", "/var/lib/lipsyncd").strip() == "lipsyncd 700"
    before = tree(bare)
    bare.run("lipsyncd", "install-service")
    assert tree(bare) == before
    assert bare.shown("ActiveState") == "active"


def test_an_upgrade_renews_the_unit_and_keeps_what_people_wrote(bare: Machine) -> None:
    bare.run("lipsyncd", "install-service", "--with", "publish")
    bare.sh(
        f"echo '# old' >> /etc/systemd/system/{UNIT}; echo '# old' >> {OURS}; "
        f"sed -i 's/^IPAddressAllow=localhost/IPAddressAllow=any/' {DROP_INS}/publish.conf; "
        f"printf '[Service]\\nNice=5\\n' > {DROP_INS}/override.conf; "
        "printf '[inbox]\\nsettle = 1.0\\n' >> /etc/lipsyncd/config.toml"
    )
    config = bare.run("cat", "/etc/lipsyncd/config.toml")
    first = bare.main
    bare.run("lipsyncd", "install-service", "--with", "publish")
    assert bare.main != first
    assert "# old" not in bare.run("cat", f"/etc/systemd/system/{UNIT}", OURS)
    assert "IPAddressAllow=any" in bare.run("cat", f"{DROP_INS}/publish.conf").splitlines()
    assert bare.run("cat", "/etc/lipsyncd/config.toml") == config
    assert bare.shown("Nice") == "5"


def test_gone_without_what_people_own(bare: Machine, sample: Path) -> None:
    bare.run("lipsyncd", "install-service")
    bare.sh("id anna >/dev/null 2>&1 || useradd anna; usermod -aG lipsyncd anna")
    service = Service(bare)
    service.configure()
    service.restart()
    service.drop("kept", {"ann.jpg": sample / "astronaut.jpg", "talk.flac": sample / "hello.en.flac"})
    service.done("kept")
    said = bare.run("lipsyncd", "uninstall-service")
    for place in ("/srv/lipsyncd", "/var/lib/lipsyncd", "/etc/lipsyncd"):
        assert place in said
    assert not bare.exists(f"/etc/systemd/system/{UNIT}")
    assert not bare.exists(DROP_INS)
    assert bare.attempt("systemctl", "is-active", UNIT).stdout.strip() == "inactive"
    assert bare.exists("/srv/lipsyncd/done/kept/ann.mp4")
    assert bare.exists("/var/lib/lipsyncd/credentials/key.pem")
    assert bare.exists("/etc/lipsyncd/config.toml")
    bare.run("lipsyncd", "uninstall-service")  # nothing is left to do, and that is no fault
    bare.run("lipsyncd", "install-service")
    assert bare.shown("ActiveState") == "active"


@pytest.mark.parametrize("root", ["/home/bob/talking videos", '/srv/a 100% "new" place'])
def test_at_any_place_for_any_user(bare: Machine, sample: Path, root: str) -> None:
    """Even in a home, which the service sees nothing else of."""
    bare.sh(
        "id bob >/dev/null 2>&1 || useradd bob; install -d -m 700 -o bob /home/bob; "
        "install -m 600 -o bob /dev/null /home/bob/diary"
    )
    bare.run("install", "-d", "-o", "bob", root)
    bare.run("lipsyncd", "install-service", "--user", "bob", "--root", root)
    assert bare.run("ps", "-o", "user=", "-p", str(bare.main)).strip() == "bob"
    bare.run("runuser", "-u", "bob", "--", "mkdir", f"{root}/inbox/.week")
    for name in ("astronaut.jpg", "hello.en.flac"):
        (bare.share / name).write_bytes((sample / name).read_bytes())
        bare.run("runuser", "-u", "bob", "--", "cp", f"/mnt/share/{name}", f"{root}/inbox/.week/")
    bare.sh(
        "printf '[render]\\nengine = \"null\"\\n[limits]\\nfree_bytes = 1\\n[inbox]\\nsettle = 0.3\\n' "
        ">> /etc/lipsyncd/config.toml"
    )
    bare.run("lipsyncd", "install-service", "--user", "bob")
    bare.run("runuser", "-u", "bob", "--", "mv", f"{root}/inbox/.week", f"{root}/inbox/week")
    bare.wait(lambda: bare.exists(f"{root}/done/week/astronaut.mp4"))
    seen = bare.within(bare.main, "ls -A /home/bob /home").stdout
    assert "diary" not in seen


def test_a_group_that_the_share_has_already_is_the_service_s(bare: Machine) -> None:
    bare.sh("getent group lipsyncd >/dev/null || groupadd lipsyncd")
    bare.run("lipsyncd", "install-service")
    assert bare.run("id", "-gn", "lipsyncd").strip() == "lipsyncd"


def test_what_the_settings_need_is_put_there(bare: Machine) -> None:
    """Prometheus is answered, on this machine's own address, and publishing may leave the house."""
    bare.write(
        "/etc/lipsyncd/config.toml",
        '[paths]\nroot = "/srv/lipsyncd"\n[publish]\nto = ["ipfs"]\n[metrics]\nlisten = "127.0.0.1:9187"\n'
        '[page]\nlisten = "127.0.0.1:7860"\n[notify]\nurls = ["json://127.0.0.1:9/hook"]\n',
    )
    bare.run("lipsyncd", "install-service")
    assert bare.exists(f"{DROP_INS}/publish.conf")
    assert bare.exists(f"{DROP_INS}/notify.conf")
    assert bare.exists(f"{DROP_INS}/metrics.conf")
    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:9187/metrics', timeout=30).read().decode())"
    assert "lipsyncd_" in bare.run("/opt/lipsyncd/.venv/bin/python3", "-c", ask)
    assert bare.exists(f"{DROP_INS}/page.conf")
    ask = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:7860/', timeout=30).read().decode())"
    bare.wait(lambda: "</html>" in bare.attempt("/opt/lipsyncd/.venv/bin/python3", "-c", ask).stdout)


def test_what_cannot_work_is_said_before_anything_is_done(bare: Machine) -> None:
    bare.run("install", "-d", "-m", "755", "/srv/others")
    answer = bare.attempt("lipsyncd", "install-service", "--root", "/srv/others")
    assert answer.returncode == 3
    assert "may not write to /srv/others" in answer.stderr
    assert not bare.exists(f"/etc/systemd/system/{UNIT}")
    bare.write("/etc/lipsyncd/config.toml", '[paths]\nroot = "/srv/here"\n')
    answer = bare.attempt("lipsyncd", "install-service", "--root", "/srv/there")
    assert answer.returncode == 2
    assert "/srv/here" in answer.stderr
    bare.write("/etc/lipsyncd/config.toml", "[render]\nengine = 5\n")
    assert bare.attempt("lipsyncd", "install-service").returncode == 2
    assert not bare.exists(f"/etc/systemd/system/{UNIT}")
