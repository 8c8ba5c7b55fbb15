"""``python -m gdb_gospan`` is ``go-spans``."""

import sys

from gdb_gospan.cli import main

if __name__ == "__main__":
    sys.exit(main())
