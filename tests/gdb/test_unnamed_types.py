"""Types without names are found among the types as gdb has them of the variables."""

from __future__ import annotations

import pytest

from tools import gdbs, programs

#: What was found among the types, and what gdb has of the variable itself.
ASK = """python
from gdb_gospan.debugger import symbols
from gdb_gospan.debugger.types import _UNNAMED, GdbType, GdbTypes
def fields(node):
    return [(name, offset, each.size, each.name) for name, offset, each in node.fields()]
for name in _UNNAMED:
    found, (address, kind) = GdbTypes()._by_its_fields(name), symbols.variable(name)
    same = found and kind and (found[0], fields(found[1])) == (address, fields(GdbType(kind)))
    print(name, "sought" if found is None else "same" if same else "other")
end
"""


@pytest.mark.toolchain
@pytest.mark.parametrize(
    ("build", "said"), [({}, "same"), ({"ldflags": "-w"}, "sought")], ids=["dwarf", "symbols"]
)
def test_a_type_is_that_of_its_variable(
    gdb: gdbs.Gdb, go_minor: str, tmp_path, build: dict[str, str], said: str
) -> None:
    script = tmp_path / "ask.gdb"
    script.write_text(ASK)
    result = gdbs.run_gdb(gdb, [f"source {script}"], exe=programs.build("frag", go_minor, **build))
    assert [line.split()[1] for line in result.stdout[0].splitlines()] == [said] * 3, result.text
