"""App: builds everything from the settings and turns the main loop until it is asked to end."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

from structlog.typing import FilteringBoundLogger

import publishers
from daemon import claim, conclusion, notify, owner, rendition, retention
from daemon.adoption import Adoption
from daemon.arrivals import Arrivals
from daemon.beacon import Beacon
from daemon.cage import PROGRAMS, cage_of
from daemon.choice import choices
from daemon.crew import Crew
from daemon.desk import Desk
from daemon.errors import Stopped
from daemon.footing import Footing
from daemon.hallmark import Hallmark
from daemon.herald import heralded
from daemon.hours import Hours
from daemon.inbox import Inbox
from daemon.journal import Journal
from daemon.log import open_log
from daemon.marking import Marking, Pen
from daemon.mount import Ground
from daemon.page_keeper import showing
from daemon.papers import Papers
from daemon.pause import Pause
from daemon.pipeline import Pipeline
from daemon.publication import Press, Publication
from daemon.retention import Retention
from daemon.ring import ring_of
from daemon.rounds import Rounds
from daemon.schedule import Schedule
from daemon.seat import seats
from daemon.settings import Settings
from daemon.tally import Tally
from daemon.watch import Watch
from daemon.worker import COMMAND, Patience, Worker

_CHUNK = 0.5
"""Seconds of one nap: being asked to end, and the watchdog, want to be noticed."""
_BUG_PAUSE = 5.0


@dataclass
class Loop:
    """The main loop and what it turns."""

    desk: Desk
    watch: Watch
    notifier: notify.Notifier
    stop: threading.Event
    interval: float
    once: bool
    log: FilteringBoundLogger

    def run(self) -> None:
        """Turn until asked to end, or, for ``once``, until nothing is left to do."""
        self.notifier.ready()
        self.log.info("ready", once=self.once)
        while not self.stop.is_set() or self.desk.steps.lasting:
            self.notifier.ping()
            try:
                pause = self.desk.turn()
            except Exception:  # noqa: BLE001 - the one such place: a bug parks one job and must not end the others
                self.desk.current_log.exception("a bug in lipsyncd; please report it")
                self.desk.park()
                pause = _CHUNK if self.desk.steps.lasting else _BUG_PAUSE  # what goes on for others goes on
            if self.once and self.desk.finished:
                break
            self.notifier.status(self.desk.summary)
            self._nap(min(pause, self.interval))

    def _nap(self, seconds: float) -> None:
        """Sleep until something may have changed, but no longer than this."""
        end = time.monotonic() + seconds
        while not self.stop.is_set() and (left := end - time.monotonic()) > 0:
            self.notifier.ping()
            if self.watch.wait(min(left, _CHUNK)):
                return


def run(
    settings: Settings,
    once: bool,
    stop: threading.Event | None = None,
    *,
    command: Sequence[str] | None = None,
    notifier: notify.Notifier | None = None,
) -> int:
    """Work the inbox: for ever, or ``once`` until it is empty.

    Args:
        settings: All of them.
        once: Take what is there, finish it, and end.
        stop: Set it to end the daemon from another thread; SIGTERM and SIGINT do so too.
        command: Another program for the render process.
        notifier: Who is told how we are; by default the service manager, if there is one.

    Returns:
        The exit code: 0, or 1 where a take or a job failed and the daemon was to run once.

    Raises:
        OSError: The root is not there or may not be written.
        ListenError: The metrics cannot be shown where they shall be.
    """
    stop = stop or threading.Event()
    notifier = notifier or notify.Notifier()
    log = open_log(sys.stderr, ring=ring_of(settings, once=once))
    if settings.paths.umask:
        os.umask(int(settings.paths.umask, 8))  # the render process inherits it
    with (
        _counting(settings, log) as counted,
        showing(settings, log, once=once),
        heralded(settings, log, counted, stop, once=once) as tally,
    ):
        return _work(settings, once, stop, command, notifier, log, tally)


def _work(
    settings: Settings,
    once: bool,
    stop: threading.Event,
    command: Sequence[str] | None,
    notifier: notify.Notifier,
    log: FilteringBoundLogger,
    tally: Tally,
) -> int:
    journal = Journal(settings.paths.root)
    if not settings.inbox.mount_guard:
        journal.prepare()
    conclusion.sweep(journal.done)
    apart = {} if command else {PROGRAMS: (*COMMAND, cage_of(settings, PROGRAMS).word())}
    command = command or (*COMMAND, cage_of(settings).word())
    places = seats(settings.render.processes, settings.render.device)
    patience = _patience(settings)
    crew = Crew(
        [Worker(log, command=command, apart=apart, seat=seat, patience=patience, tally=tally) for seat in places]
    )
    watch = Watch(journal.inbox, settings.inbox.watch, log, beside=journal.working)
    desk = _desk(settings, journal, crew, log, notifier, stop, once, watch.wake, tally)
    beacon = Beacon(settings.paths.state, desk, crew)
    try:
        with _signals(stop), _lit(beacon, notifier, wanted=bool(settings.page.listen) and not once):
            Loop(desk, watch, notifier, stop, settings.inbox.interval, once, log).run()
    finally:
        notifier.stopping()
        desk.steps.close()
        crew.close()
        desk.close()
        watch.close()
    log.info("stopped")
    return int(once and desk.failed)


def _desk(
    settings: Settings,
    journal: Journal,
    crew: Crew,
    log: FilteringBoundLogger,
    notifier: notify.Notifier,
    stop: threading.Event,
    once: bool,
    wake: Callable[[], None],
    tally: Tally,
) -> Desk:
    """Put everything on the desk: here, and only here, settings become plain values."""
    press = Press(version("lipsyncd"), settings.publish.manifest, settings.publish.ipfs.profile)
    rounds = Rounds(lambda name: _publisher(settings, name), wake)
    hallmark = Hallmark(settings.paths.state)
    owners = owner.Owners(owner.here())
    return Desk(
        journal=journal,
        arrivals=Arrivals(Inbox(journal.inbox, settings.inbox.settle, choices(settings), patient=not once), log),
        schedule=_schedule(settings, log, once=once),
        retention=Retention(journal, retention.Terms(settings.done.keep_days, settings.done.keep_inputs), log),
        pipeline=Pipeline(
            journal,
            rendition.Rendition(crew, _takes(settings, hallmark)),
            Marking(_pen(settings)),
            Publication(press, rounds),
            Papers(press, rounds),
            hallmark,
            lambda _progress: _living(notifier, stop),
        ),
        crew=crew,
        adoption=Adoption(journal, owners, log, patient=not once),
        owners=owners,
        terms=_terms(settings, hallmark),
        footing=Footing(journal, Ground(journal.root, settings.inbox.mount_guard), settings.limits.free_bytes, log),
        tries=settings.render.attempts if once else 0,
        log=log,
        ping=notifier.ping,
        stop=stop,
        tally=tally,
    )


def _schedule(settings: Settings, log: FilteringBoundLogger, *, once: bool) -> Schedule:
    if once:
        return Schedule(Hours(), log)
    return Schedule(Hours.of(settings.render.hours), log, Pause(settings.paths.root))


def _takes(settings: Settings, hallmark: Hallmark) -> rendition.Terms:
    return rendition.Terms(settings.options(), settings.render.attempts, settings.limits.free_bytes, hallmark)


def _terms(settings: Settings, hallmark: Hallmark) -> claim.Terms:
    return claim.Terms(
        settings.render.engine, settings.publish.to, settings.publish.review, version("lipsyncd"), hallmark
    )


def _living(notifier: notify.Notifier, stop: threading.Event) -> None:
    """Show that we are alive, unless we are asked to end."""
    notifier.ping()
    if stop.is_set():
        raise Stopped


def _patience(settings: Settings) -> Patience:
    limits = settings.limits
    return Patience(limits.take_timeout_s, limits.silence_s, limits.memory_bytes)


@contextlib.contextmanager
def _counting(settings: Settings, log: FilteringBoundLogger) -> Iterator[Tally]:
    """Count what happens, and answer who asks, if that is wanted; nothing is loaded otherwise."""
    if not settings.metrics.listen:
        yield Tally()
        return
    from daemon.metrics import Metrics
    from daemon.metrics_read import Reader
    from daemon.metrics_server import MetricsServer

    metrics = Metrics(Reader(settings.paths.root, settings.paths.state, version("lipsyncd")))
    with contextlib.closing(MetricsServer(settings.metrics.listen, metrics.registry)) as server:
        say = log.info if server.here else log.warning
        say("metrics are shown", address=server.address, readable="on this machine" if server.here else "from outside")
        yield metrics


def _pen(settings: Settings) -> Pen:
    given = settings.credentials
    signer = publishers.Signer(settings.paths.state, str(given.certificate or ""), given.key)
    return Pen(signer, version("lipsyncd"), given.sign, settings.limits.free_bytes)


def _publisher(settings: Settings, name: str) -> publishers.Publisher | publishers.Announcer:
    """Build a publisher; the folder of the service's own files is there then."""
    state = settings.paths.state
    state.mkdir(mode=0o700, parents=True, exist_ok=True)
    return publishers.build(name, settings.publisher(name), state)


@contextlib.contextmanager
def _lit(beacon: Beacon, notifier: notify.Notifier, *, wanted: bool) -> Iterator[None]:
    """Have other processes know what is in hand, as long as the main loop turns."""
    if not wanted:
        yield
        return
    notifier.also(beacon.turn)
    try:
        yield
    finally:
        beacon.close()


@contextlib.contextmanager
def _signals(stop: threading.Event) -> Iterator[None]:
    """End at SIGTERM and SIGINT, where that is ours to decide."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def end(_number: int, _frame: object) -> None:
        # Nothing else: the loop may hold the lock of any other event right now, and would wait for itself for ever.
        stop.set()

    before = {number: signal.signal(number, end) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
