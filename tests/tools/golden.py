"""What every report says of every recorded image, as digests by key: `python tests/tools/golden.py` writes them.

A key that is not what it was is either a fault or a correction: then write them anew, and say in the commit which.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if __name__ == "__main__":  # run as a file: the package and the tools are beside it
    sys.path[:0] = [str(Path(__file__).resolve().parents[depth]) for depth in (2, 1)]

from tools import images

if TYPE_CHECKING:
    from collections.abc import Iterator

FILE = Path(__file__).resolve().parents[1] / "golden" / "documents.json"
NOT_THE_HEAP = {"recorded"}
"""What a snapshot says of the file that it has written."""
_DIGITS = 8

Digests = dict[str, dict[str, str]]


def digests(image: str) -> Digests:
    """Return the digest of each key of each document of an image; keys that all have alike stand once, under ""."""
    found = {name: {key: _digest(value) for key, value in each.items()} for name, each in _documents(image)}
    first = next(iter(found.values()))
    shared = {key: first[key] for key in first if all(each.get(key) == first[key] for each in found.values())}
    own = {
        name: {key: value for key, value in each.items() if key not in shared} for name, each in found.items()
    }
    return {"": shared, **own}


def _documents(image: str) -> Iterator[tuple[str, dict[str, Any]]]:
    numbers = Counter[str]()
    for command, document in images.documents(images.load(image).session()):
        numbers[command.name] += 1
        kept = {key: value for key, value in document.items() if key not in NOT_THE_HEAP}
        yield f"{command.name} {numbers[command.name]}", kept


def _digest(value: Any) -> str:
    text = json.dumps(value).encode()
    return hashlib.sha256(text).hexdigest()[:_DIGITS]


def recorded() -> dict[str, Digests]:
    """Return what is in the file, by image."""
    loaded: dict[str, Digests] = json.loads(FILE.read_text(encoding="utf-8"))
    return loaded


def main() -> None:
    """Write the file."""
    lines = [f"{json.dumps(image)}: {json.dumps(digests(image))}" for image in images.names()]
    FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
