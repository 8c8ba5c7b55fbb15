"""Reading the memory of real processes."""

import contextlib
import ctypes
import mmap
import os
import subprocess
import sys

import numpy as np
import pytest

from gdb_gospan.errors import TargetError
from gdb_gospan.memory import ADDRESS_SPACE, Unreadable
from gdb_gospan.memory.model import ReadAfterReleaseError
from gdb_gospan.memory.procmem import ProcessMemory

PAGE = mmap.PAGESIZE

CHILD = f"""
import ctypes, mmap, os
PAGE = {PAGE}
pages = mmap.mmap(-1, 8 * PAGE)
pages[:] = bytes((i // PAGE * 16 + i * 7) % 256 for i in range(8 * PAGE))
view = (ctypes.c_char * len(pages)).from_buffer(pages)
address = ctypes.addressof(view)
libc = ctypes.CDLL(None)
libc.munmap.argtypes = [ctypes.c_void_p, ctypes.c_size_t]
assert libc.munmap(address + 3 * PAGE, PAGE) == 0
print(address, flush=True)
if os.read(0, 3) == b"go\\n":  # and no more: the rest is for the other program
    os.execvp("cat", ["cat"])
os._exit(0)  # the mapping has a hole: do not let the interpreter tidy it up
"""


@contextlib.contextmanager
def child():
    """Run a process with eight pages of known bytes, the fourth of which is unmapped."""
    process = subprocess.Popen(
        [sys.executable, "-c", CHILD], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.kill()
        process.communicate()


def known(start, size):
    return bytes((i // PAGE * 16 + i * 7) % 256 for i in range(start, start + size))


def test_reads_what_the_process_wrote():
    with child() as (process, base):
        memory = ProcessMemory(process.pid)
        assert memory.kind == "live"
        assert memory.read(base, 3 * PAGE) == known(0, 3 * PAGE)
        assert memory.read(base + 4 * PAGE, 4 * PAGE) == known(4 * PAGE, 4 * PAGE)
        assert memory.read(base + 5, 0) == b""
        assert memory.bytes_read == 7 * PAGE
        hole = base + 3 * PAGE
        for start, size in ((hole - 10, 20), (hole, 1), (hole - 1, PAGE + 5), (base, 8 * PAGE)):
            got = memory.read(start, size)
            assert got == Unreadable(hole, start + size - hole, "not mapped in the process")


def test_many_records_around_a_hole():
    with child() as (process, base):
        memory = ProcessMemory(process.pid)
        place = np.random.default_rng(0).integers(0, 8 * PAGE - 24, 5000)
        rows = memory.read_many(np.uint64(base) + place.astype(np.uint64), 24)
        beside = (place + 24 <= 3 * PAGE) | (place >= 4 * PAGE)
        assert 0 < beside.sum() < len(place)
        assert (rows.readable == beside).all()
        for i, at in enumerate(place.tolist()):
            assert rows.data[i].tobytes() == (known(at, 24) if beside[i] else bytes(24))


def test_sees_the_present():
    word = ctypes.c_uint64(1)
    memory = ProcessMemory(os.getpid())
    for value in (1, 2):
        word.value = value
        assert memory.read(ctypes.addressof(word), 8) == value.to_bytes(8, sys.byteorder)


@pytest.mark.parametrize(
    "address", [0, 1, 1 << 47, (1 << 63) - 4, 1 << 63, ADDRESS_SPACE - 8, ADDRESS_SPACE - 4]
)
def test_addresses_that_no_process_has(address):
    memory = ProcessMemory(os.getpid())
    assert isinstance(memory.read(address, 8), Unreadable)
    assert memory.read_many(np.array([address], np.uint64), 8).readable.tolist() == [False]


def test_a_process_that_is_gone_is_unreadable():
    with child() as (process, base):
        memory = ProcessMemory(process.pid)
        assert memory.read(base, 8) == known(0, 8)
        process.kill()
        process.wait()
        assert isinstance(memory.read(base, 8), Unreadable)
        with pytest.raises(TargetError, match=f"^process {process.pid}: no such process$"):
            ProcessMemory(process.pid)


def test_another_program_in_the_same_process_is_not_mistaken_for_it():
    with child() as (process, base):
        memory = ProcessMemory(process.pid)
        print("go", file=process.stdin, flush=True)
        print("cat is here", file=process.stdin, flush=True)
        assert process.stdout.readline().strip() == "cat is here"
        assert isinstance(memory.read(base, 8), Unreadable)


def test_a_read_of_a_closed_memory_raises():
    """It is a defect of the reader: bytes that are missing would be an answer."""
    word = ctypes.c_uint64(1)
    address = ctypes.addressof(word)
    memory = ProcessMemory(os.getpid())
    memory.close()
    memory.close()
    with pytest.raises(ReadAfterReleaseError):
        memory.read(address, 8)
    with pytest.raises(ReadAfterReleaseError):
        memory.read_many(np.array([address], np.uint64), 8)


def attempt(pid):
    try:
        ProcessMemory(pid)
    except TargetError as error:
        return str(error)
    return "opened"


def test_no_permission_says_what_to_try():
    if os.geteuid() != 0:
        got = attempt(1)
        if got == "opened":
            pytest.skip("process 1 belongs to this user, so no process is out of reach")
    else:
        parent = os.getpid()
        out, into = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.setgroups([])
            os.setgid(65534)
            os.setuid(65534)
            os.write(into, attempt(parent).encode())
            os._exit(0)
        os.close(into)
        with os.fdopen(out) as file:
            got = file.read()
        os.waitpid(pid, 0)
    assert "no permission to read its memory (try: sudo" in got
    assert "\n" not in got
