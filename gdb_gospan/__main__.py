"""``python -m gdb_gospan`` is ``go-spans``."""

import sys

from gdb_gospan.errors import INTERRUPTED
from gdb_gospan.interrupts import Deferred, WholeImports


def main() -> int:
    """Run one subcommand and return the exit status, also when Ctrl-C comes before anything is there to handle it."""
    try:
        with Deferred():
            from gdb_gospan import cli  # noqa: PLC0415  # within the block
        with WholeImports():
            return cli.main()
    except KeyboardInterrupt:
        sys.stderr.write("go-spans: interrupted\n")
        return INTERRUPTED


if __name__ == "__main__":
    sys.exit(main())
