"""Names of what programs leave beside what people drop: some is waited for, the rest is not there at all.

One row for each program; the names are those that it makes itself.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.inbox import Inbox
from daemon.listing import ignorable, listing, partial
from daemon.order import Choices

ON_ITS_WAY = {
    "rsync": (".ann.png.Ab3dE9", ".voice.wav.000000", ".rsync-partial/ann.png", ".~tmp~/ann.png"),
    "rclone": ("ann.png.1a2b3c4d.partial",),
    "WinSCP, scp": ("ann.png.filepart",),
    "FTP servers and lftp": (".in.ann.png.", ".pureftpd-upload.65f1a2b3.15.4f2.ab12", ".in.ann.png"),
    "curl, wget, yt-dlp": ("ann.png.part", "ann.png.tmp", "bob.mp4.temp", "bob.f137.mp4.part"),
    "Syncthing": (".syncthing.ann.png.tmp", "~syncthing~ann.png.tmp"),
    "Nextcloud, ownCloud": ("ann.png.ocTransferId1234567890.part", ".ann.png.~1a2b"),
    "Dropbox, OneDrive": (".~ann.png", "~tmp1234.tmp", "ann.png.tmp"),
    "Resilio, BitTorrent": ("ann.png.!sync", "ann.png.!Sync", "bob.mp4.!bt", "bob.mp4.!qB", "bob.mp4.!ut", "x.bts"),
    "Firefox": ("ann.png.part", "XyZ12345.png.part"),
    "Chrome, Edge": ("ann.png.crdownload", "Unconfirmed 12345.crdownload", ".com.google.Chrome.a1B2c3"),
    "Opera": ("ann.png.opdownload",),
    "Safari": ("bob.mp4.download/bob.mp4", "bob.mp4.download/Info.plist"),
    "aria2": ("bob.mp4.aria2",),
    "GNOME, KDE": (".goutputstream-AB12C3", "ann.png.part", ".xdp-ann.png-XyZ12"),
    "macOS": (".BC.T_a1b2c3", "post.txt.sb-1a2b3c4d-Ab12Cd"),
    "FreeFileSync, Unison": ("ann.png.1a2b.ffs_tmp", ".unison.ann.png.0a1b2c.unison.tmp"),
    "Microsoft Office, LibreOffice": ("~$letter.docx", ".~lock.letter.odt#", "~WRL0001.tmp", "letter~RF1a2b3c.TMP"),
    "Windows": ("ann.png.TMP", "~DF1A2B.tmp"),
}  # fmt: skip
NOT_THERE = {
    "macOS": ("._ann.png", ".DS_Store", ".AppleDouble", ".apdisk", ".localized", "Icon\r"),
    "macOS, on shares": (".TemporaryItems", ".fseventsd"),
    "macOS, on volumes": (".Spotlight-V100", ".DocumentRevisions-V100", "Network Trash Folder", "Temporary Items"),
    "Windows": ("Thumbs.db", "ehthumbs.db", "desktop.ini", "Desktop.ini", "$RECYCLE.BIN", "System Volume Information"),
    "Windows, streams": ("ann.png:Zone.Identifier", "ann.png:AFP_AfpInfo", "ann.png:com.apple.quarantine"),
    "NFS": (".nfs000000000123abcd00000001",),
    "SMB": (".smbdeleteAAA1b2c3", ".smbdelete0001", ".smb0042", ".__smb0042"),
    "FUSE": (".fuse_hidden0000123400000001",),
    "Synology": ("@eaDir", "@SynoEAStream", "ann.png@SynoEAStream", ".SynologyWorkingDirectory"),
    "Synology, folders": ("#recycle", "#snapshot", "@tmp"),
    "QNAP": (".@__thumb", "@Recycle", "@Recently-Snapshot", ".@upload_cache", ".@__qini"),
    "Samba, ZFS, NetApp": (".recycle", ".snapshot", ".snapshots", ".zfs", "~snapshot"),
    "Linux": ("lost+found", ".Trash-1000", ".directory", ".hidden"),
    "Syncthing": (".stfolder", ".stversions", ".stignore", ".stfolder.removed-20260101"),
    "Nextcloud, ownCloud": (".sync_1a2b3c4d5e6f.db", "._sync_1a2b3c.db-wal", ".owncloudsync.log", ".nextcloudsync.log"),
    "Dropbox": (".dropbox", ".dropbox.attr", ".dropbox.cache"),
    "OneDrive, Google": (".849C9593-D756-4E56-8D6E-42412F2A707B", ".tmp.driveupload"),
    "Resilio, FreeFileSync": (".sync", ".sync.ffs_db", "sync.ffs_db", "sync.ffs_lock"),
}  # fmt: skip
PEOPLE = (
    *("ann.png", "tmp.png", "part.mp4", "ann.temp.png", "a.b.jpg", "~ann.png", "ann~1.png", "download.mp4", "sync.wav"),
    *("snapshot.png", "recycle.png", "ann.part1.mp4", "in.wav", "#1.png", "@ann.png", "talk: part 2.wav", "$5.png"),
)
"""What people call their files."""


def rows(table: dict[str, tuple[str, ...]]) -> list[tuple[str, str]]:
    return [(program, name) for program, names in table.items() for name in names]


def drop(inbox: Path) -> Path:
    folder = inbox / "talk"
    folder.mkdir()
    (folder / "ann.png").write_text("face")
    (folder / "voice.wav").write_text("words")
    return folder


@pytest.mark.parametrize(("program", "name"), rows(ON_ITS_WAY))
def test_what_is_on_its_way_is_waited_for(tmp_path: Path, program: str, name: str) -> None:
    now = 0.0
    inbox = Inbox(tmp_path, 2, Choices(), clock=lambda: now)
    path = drop(tmp_path) / name
    path.parent.mkdir(exist_ok=True)
    path.write_text("so far")
    inbox.look()
    now = 1000.0
    look = inbox.look()
    assert not look.drops, program
    assert "still being copied" in look.waiting[0][1]
    path.unlink()
    inbox.look()
    now = 2000.0
    assert inbox.look().drops[0].fault is None


@pytest.mark.parametrize(("program", "name"), rows(NOT_THERE))
def test_what_systems_leave_is_not_there(tmp_path: Path, program: str, name: str) -> None:
    folder = drop(tmp_path)
    assert ignorable(name), program
    (folder / name).write_text("")
    assert [entry.path for entry in listing(folder).entries] == ["ann.png", "voice.wav"]
    (folder / name).unlink()
    (folder / name).mkdir()
    (folder / name / "x.png").write_text("thumbnail")
    assert [entry.path for entry in listing(folder).entries] == ["ann.png", "voice.wav"]


@pytest.mark.parametrize("name", PEOPLE)
def test_what_people_call_their_files_counts(name: str) -> None:
    assert not partial(name)
    assert not ignorable(name)


@pytest.mark.parametrize(
    "name", ["talk.part", "~syncthing~talk.tmp", ".talk.Ab3dE9", "@eaDir", "#recycle", "lost+found"]
)
def test_folders_that_are_no_drops_yet_are_left_alone(tmp_path: Path, name: str) -> None:
    now = 0.0
    inbox = Inbox(tmp_path, 2, Choices(), clock=lambda: now)
    drop(tmp_path).rename(tmp_path / name)
    inbox.look()
    now = 1000.0
    assert not inbox.look().drops
