"""Many runs of a process's memory in one call: what is read is what pread(2) reads, with the call and without it."""

from __future__ import annotations

import subprocess
import sys

from tools.cache import CHECKOUT

SETTING = """
import ctypes, mmap, os, struct, subprocess, sys
import numpy as np
from gdb_gospan.memory.procmem import ProcessMemory
from gdb_gospan.memory.readv import NoReadvError, read_runs

PAGES, HOLE, SHUT, SIZE, PAGE = 4000, 1500, 2600, 24, mmap.PAGESIZE
libc = ctypes.CDLL(None, use_errno=True)
pages = mmap.mmap(-1, PAGES * PAGE)
start = ctypes.addressof(ctypes.c_char.from_buffer(pages))
for page in range(PAGES):
    pages[page * PAGE] = page % 251
assert libc.munmap(ctypes.c_void_p(start + HOLE * PAGE), ctypes.c_size_t(PAGE)) == 0
assert libc.mprotect(ctypes.c_void_p(start + SHUT * PAGE), ctypes.c_size_t(PAGE), 0) == 0
begins = np.uint64(start) + np.arange(PAGES, dtype=np.uint64) * np.uint64(PAGE)
ends = np.arange(1, PAGES + 1, dtype=np.int64) * SIZE
buffer = np.zeros(PAGES * SIZE, np.uint8)
memory = ProcessMemory(os.getpid())
"""
READ = """
known = memory.fill_many(begins, ends, buffer)
expected = np.arange(PAGES) != HOLE  # what is shut to the program itself can be read all the same
assert (known == expected).all()
assert (buffer[::SIZE][known] == (np.arange(PAGES) % 251)[known]).all()
print(memory.reads, memory.bytes_read)
os._exit(0)  # the mapping has a hole: do not let the interpreter tidy it up
"""
FORBIDDEN = """
CALL = {"x86_64": 310, "aarch64": 270}[os.uname().machine]  # process_vm_readv
LOAD, EQUALS, RETURN, ALLOW, EPERM = 0x20, 0x15, 0x06, 0x7FFF0000, 0x00050001
code = [(LOAD, 0, 0, 0), (EQUALS, 0, 1, CALL), (RETURN, 0, 0, EPERM), (RETURN, 0, 0, ALLOW)]
program = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in code))
rules = ctypes.create_string_buffer(struct.pack("H6xP", len(code), ctypes.addressof(program)))
NO_NEW_PRIVILEGES, SECCOMP, FILTER = 38, 22, 2
assert libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0) == 0
assert libc.prctl(SECCOMP, FILTER, rules, 0, 0) == 0, os.strerror(ctypes.get_errno())
try:
    read_runs(os.getpid(), begins, ends, buffer, memory.fill)
except NoReadvError:
    print("forbidden")
"""
ANOTHER = """
waits = "import os, sys; os.read(0, 1); os.execv(sys.executable, [sys.executable, '-c', 'print(1, flush=True); input()'])"
child = subprocess.Popen([sys.executable, "-c", waits], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
memory = ProcessMemory(child.pid)
child.stdin.write(b"x")
child.stdin.flush()
child.stdout.readline()
with open(f"/proc/{child.pid}/maps") as file:
    end = next(int(line.split()[0].split("-")[1], 16) for line in file if "[stack]" in line)
begins, ends = np.uint64(end - PAGE) + ends[:8].astype(np.uint64), ends[:8]
print(read_runs(child.pid, begins, ends, buffer, memory.fill)[0].sum(), memory.fill_many(begins, ends, buffer).sum())
child.kill()
os._exit(0)
"""


def run(*parts: str) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", "".join([SETTING, *parts])],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_in_a_few_calls() -> None:
    """1,024 runs each; one that fails is asked for by itself, and ends the call."""
    reads, nbytes = map(int, run(READ))
    assert nbytes == 3999 * 24 + 1, "and a byte that shows that the process is the same program still"
    assert reads < 12


def test_where_the_call_is_forbidden() -> None:
    said, reads, nbytes = run(FORBIDDEN, READ)
    assert (said, int(nbytes)) == ("forbidden", 3999 * 24)
    assert int(reads) >= 4000


def test_of_another_program_in_the_same_process_nothing_is_read() -> None:
    """Its memory was opened before; the call would read what is there now."""
    assert run(ANOTHER) == ["8", "0"]
