"""The command line: which command, which exit code; errors become two lines.

0 done, 1 some work failed, 2 wrong usage or configuration, 3 something needed is missing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from daemon.commands.console import Console, abandon_stdout, make_tolerant
from daemon.commands.errors import CommandError
from daemon.commands.parser import parser
from daemon.config import ConfigError
from daemon.errors import DaemonError, ListenError
from lipsync import LipsyncError, WeightsError
from publishers import PublisherError, PublishError

INTERRUPTED = 130
CLOSED_PIPE = 141


def main(words: Sequence[str] | None = None) -> int:
    """Run one command of lipsyncd and give its exit code.

    Args:
        words: The words after "lipsyncd"; None for those of this process.
    """
    make_tolerant()
    words = sys.argv[1:] if words is None else words
    console = Console(json="--json" in words)
    try:
        args = parser().parse_args(words)
        code: int = args.run(args, console)
    except SystemExit as stop:  # argparse, after --help and --version
        return stop.code if isinstance(stop.code, int) else 0
    except KeyboardInterrupt:
        console.note("lipsyncd: stopped")
        return INTERRUPTED
    except BrokenPipeError:
        abandon_stdout()
        return CLOSED_PIPE
    except ConfigError as error:
        faults = [{"name": fault.name, "problem": fault.problem, "source": fault.source} for fault in error.faults]
        console.error(error.message, error.hint, {"faults": faults})
        return 2
    except (CommandError, DaemonError, LipsyncError, PublishError) as error:
        console.error(error.message, error.hint)
        return _code(error)
    except OSError as error:
        console.error(
            f"{error.filename or 'the output'}: {error.strerror or error}", "Look at its rights and the disk."
        )
        return 1
    return code


def _code(error: Exception) -> int:
    if isinstance(error, CommandError):
        return error.code
    if isinstance(error, WeightsError | ListenError):
        return 3
    return 2 if isinstance(error, DaemonError | PublisherError) else 1


if __name__ == "__main__":
    sys.exit(main())
