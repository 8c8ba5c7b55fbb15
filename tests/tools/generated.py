"""Everything that is made out of the package, in one go: `python tests/tools/generated.py` writes it.

That is the index of the reports for gdb's start, the JSON Schemas, the script for Delve and the tables of the
README. A test compares each. `python tests/tools/generated.py FOLDER` does so for the checkout in another folder.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

TOOLS = ("index", "schemas", "star", "readme_tables")
"""Each writes when it is run as a file; the first makes what the others read."""


def write(checkout: Path) -> None:
    """Run the tools of a checkout."""
    for name in TOOLS:
        subprocess.run([sys.executable, str(checkout / "tests" / "tools" / f"{name}.py")], check=True)


if __name__ == "__main__":
    write(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parents[2])
