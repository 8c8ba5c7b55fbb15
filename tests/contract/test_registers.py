"""Of a P no report reads what a preempted goroutine had in its registers: that is the program's own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gdb_gospan.layout.dwarf import DwarfTypes
from gdb_gospan.targets import core as coredump
from tools import cores, programs

if TYPE_CHECKING:
    from pathlib import Path


def test_a_p_is_read_up_to_its_registers(frag: Path, go_minor: str) -> None:
    """p.xRegs, since Go 1.26 (preempt_xreg.go); before, such registers lay on the stack."""
    core = cores.kernel_core(programs.build("frag", go_minor), "-objects", "500")
    heap = coredump.open_session([str(core.executable), str(core.path)]).heap
    node = DwarfTypes(frag).struct("runtime.p")
    assert node is not None
    registers = node.field("xRegs")
    assert (registers is not None) == (go_minor in ("1.26", "1.27"))
    read = heap.ps.ps.struct.size
    assert read == heap.layout["p"].extent < heap.layout["p"].size
    if registers is not None:
        assert read <= registers[0]
