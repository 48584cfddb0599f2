"""The process in which ``lipsyncd doctor`` looks at the machine: torch and drivers may be slow, hang or crash there.

Prints one JSON object and ends.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict

from lipsync import survey


def main() -> int:
    """Print what works here."""
    sys.stdout.write(json.dumps(asdict(survey())) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
