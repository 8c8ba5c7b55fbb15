"""Programs whose runtime writes down the type of each object when it is allocated, for what is found of it later.

The allocator is changed a little: beside the heap lies as much memory again, and what mallocgc was asked for stands there, at
the place of the object.
"""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Final

from tools import programs, toolchains
from tools.cache import once, root

HEAP: Final = 0xC000000000
"""Where the heap begins with the experiment norandomizedheapbase64."""
BESIDE: Final = 0x600000000000
BYTES: Final = 4 << 30
UNTYPED: Final = 1
"""What stands there of an object that was allocated without a type."""
_EXPERIMENTS: Final = "nosizespecializedmalloc,norandomizedheapbase64"
_BEHIND: Final = "\tgp := getg()\n\tif goexperiment.RuntimeSecret && gp.secret > 0 {\n"
_NOTED: Final = f"""\tif at := uintptr(x) - {HEAP:#x}; besideHeap && at < {BYTES:#x} {{
\t\t*(*uintptr)(unsafe.Pointer({BESIDE:#x} + at&^7)) = max(uintptr(unsafe.Pointer(typ)), {UNTYPED})
\t}}
"""
_BEGIN: Final = "func mallocinit() {\n"
_MAPPED: Final = f"""
\tbeside, _ := mmap(unsafe.Pointer(uintptr({BESIDE:#x})), {BYTES:#x}, _PROT_READ|_PROT_WRITE, _MAP_ANON|_MAP_PRIVATE|_MAP_FIXED, -1, 0)
\tbesideHeap = uintptr(beside) == {BESIDE:#x}
}}
"""


def build(name: str) -> Path:
    """Return the executable of a test program with such a runtime, of the newest Go."""
    toolchain = toolchains.ensure(toolchains.NEWEST)
    source = toolchain.goroot / "src" / "runtime" / "malloc.go"
    change = hashlib.sha256((_NOTED + _MAPPED).encode()).hexdigest()[:16]
    home = root() / "programs" / f"alloctypes-{toolchain.version}-{change}"

    def make(folder: Path) -> None:
        text = source.read_text()
        begin = text.index(_BEGIN)
        end = text.index("\n}\n", begin)
        text = f"{text[:begin]}var besideHeap bool\n\n{text[begin:end]}{_MAPPED}{text[end + 3 :]}"
        assert text.count(_BEHIND) == 1
        text = text.replace(_BEHIND, _NOTED + _BEHIND)
        (folder / "malloc.go").write_text(text)
        places = {"Replace": {str(source): str(home / "malloc.go")}}
        (folder / "overlay.json").write_text(json.dumps(places))

    made = once(home, make)
    return programs.build(
        name, toolchains.NEWEST, experiments=_EXPERIMENTS, overlay=str(made / "overlay.json")
    )
