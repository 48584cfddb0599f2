"""Signature: what ``lipsyncd render`` has made is signed where it lies, before it is hashed."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Sequence
from importlib.metadata import version

from daemon.commands.errors import CommandError
from daemon.commands.target import Target
from daemon.config import Settings
from daemon.order import is_photo
from publishers import Claim, Credentials, PublishError, Signer, SigningOrder, sign


def signed(targets: Sequence[Target], settings: Settings) -> list[Credentials | None]:
    """Sign videos and their posters in place, all in one process.

    Args:
        targets: Whose files are there.
        settings: ``[credentials]`` of them.

    Returns:
        What is signed of each; None where signing is switched off.

    Raises:
        CommandError: Nobody can sign, or a file cannot be signed; all files are as they were.
    """
    given = settings.credentials
    if not given.sign or not targets:
        return [None] * len(targets)
    signer = Signer(settings.paths.state, str(given.certificate or ""), given.key)
    orders = [order for number, target in enumerate(targets) for order in _orders(target, number)]
    try:
        told = sign(orders, signer)
        for order in orders:
            order.target.replace(order.source)
    except PublishError as error:
        raise CommandError(f"not signed: {error.message}", error.hint) from error
    except OSError as error:
        raise CommandError(f"not signed: {error.strerror or error}", "Check the folder's space and rights.") from error
    finally:
        for order in orders:
            with contextlib.suppress(OSError):
                order.target.unlink(missing_ok=True)
    return list(told[::2])


def _orders(target: Target, number: int) -> list[SigningOrder]:
    claim = Claim(version("lipsyncd"), "photo" if is_photo(target.face.name) else "video")
    beside = f".lipsyncd-{os.getpid()}-{number}"
    return [
        SigningOrder(file, file.with_name(f"{beside}{file.suffix}"), claim) for file in (target.video, target.poster)
    ]
