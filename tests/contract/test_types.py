"""Types read from DWARF without a debugger are those that gdb knows."""

from __future__ import annotations

import json

import attrs
import pytest

from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.layout.goversion import GoVersion
from gdb_gospan.layout.platform import platform
from gdb_gospan.layout.resolve import find_symbols, resolve
from tools import gdbs, programs, toolchains

#: What gdb prints: the whole layout and every address, resolved from its own types.
SCRIPT = """python
import json, attrs
from gdb_gospan.debugger.types import GdbTypes
from gdb_gospan.layout.goversion import GoVersion
from gdb_gospan.layout.platform import platform
from gdb_gospan.layout.resolve import find_symbols, resolve
layout = resolve(GdbTypes(), GoVersion(*{go}), platform("linux", "amd64"), source="dwarf")
layout = attrs.evolve(layout, structs=dict(layout.structs))
print(json.dumps([attrs.asdict(layout), find_symbols(GdbTypes()).addresses]))
end
"""

#: Ways to build that change what the file looks like.
VARIANTS = {
    "plain": {},
    "uncompressed": {"ldflags": "-compressdwarf=false"},
    "pie": {"buildmode": "pie"},
    "cgo": {"ldflags": "-linkmode=external", "cgo": True},
}


def answers(types, go):
    layout = resolve(types, go, platform("linux", "amd64"), source="dwarf")
    layout = attrs.evolve(layout, structs=dict(layout.structs))  # some resolve only when they are asked for
    return json.loads(json.dumps([attrs.asdict(layout), find_symbols(types).addresses]))


@pytest.fixture
def ask_gdb(tmp_path):
    def ask(executable, go):
        script = tmp_path / "layout.gdb"
        script.write_text(SCRIPT.replace("{go}", repr((go.raw, go.major, go.minor))))
        done = gdbs.run_gdb(gdbs.ensure(gdbs.system_label()), [f"source {script}"], exe=executable)
        assert done.stderr == [""]
        return json.loads(done.stdout[0])

    return ask


@pytest.mark.gdb
@pytest.mark.in_turn("variant")
@pytest.mark.parametrize("variant", VARIANTS)
def test_layout_and_addresses_are_gdb_s(go_minor, variant, ask_gdb):
    executable = programs.build("frag", go_minor, **VARIANTS[variant])
    go = GoVersion(f"go{toolchains.TOOLCHAINS[go_minor]}", *map(int, go_minor.split(".")))
    assert answers(DwarfTypes(executable), go) == ask_gdb(executable, go)
