"""The cgroup of a process, by files laid out as the kernel has them."""

from __future__ import annotations

from pathlib import Path

from gdb_gospan.memory.cgroups import cgroup_of

HUGE = 9223372036854771712
"""No limit, in version 1: the largest number of whole pages."""


def laid_out(folder: Path, group: str, mount: str, files: dict[str, str]) -> Path:
    proc = folder / "proc"
    for path, text in {"7/cgroup": group, "self/mountinfo": mount.format(folder / "cg")}.items():
        (proc / path).parent.mkdir(parents=True, exist_ok=True)
        (proc / path).write_text(text)
    for path, text in files.items():
        (folder / "cg" / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / "cg" / path).write_text(text)
    return proc


V2 = "30 23 0:26 / {} rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n"
V1 = "35 32 0:30 / {} rw,nosuid - cgroup cgroup rw,memory\n36 32 0:31 / /elsewhere rw - cgroup cgroup rw,cpu,cpuacct\n"


def test_version_2(tmp_path: Path) -> None:
    proc = laid_out(
        tmp_path, "0::/a/b\n", V2,
        {
            "a/b/memory.current": "1000\n", "a/b/memory.max": "max\n", "a/memory.max": "5000\n", "memory.max": "max\n",
            "a/b/memory.events": "low 0\nhigh 2\nmax 7\noom 1\noom_kill 3\n",
        },
    )  # fmt: skip
    found = cgroup_of(7, proc)
    assert found is not None
    assert (found.version, found.path, found.current, found.limit) == (2, "/a/b", 1000, 5000)
    assert (found.limit_hits, found.oom_kills) == (7, 3)


def test_the_lowest_limit_holds(tmp_path: Path) -> None:
    files = {"a/b/memory.current": "1", "a/b/memory.max": "9000", "a/memory.max": "4000"}
    found = cgroup_of(7, laid_out(tmp_path, "0::/a/b\n", V2, files))
    assert found is not None
    assert found.limit == 4000


def test_version_1(tmp_path: Path) -> None:
    proc = laid_out(
        tmp_path, "5:cpu,cpuacct:/x\n4:memory:/job\n0::/\n", V1,
        {
            "job/memory.usage_in_bytes": "1000\n", "job/memory.limit_in_bytes": f"{HUGE}\n",
            "memory.limit_in_bytes": f"{HUGE}\n", "job/memory.failcnt": "4\n",
            "job/memory.oom_control": "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n",
        },
    )  # fmt: skip
    found = cgroup_of(7, proc)
    assert found is not None
    assert (found.version, found.path, found.current, found.limit) == (1, "/job", 1000, None)
    assert (found.limit_hits, found.oom_kills) == (4, 2)


def test_a_container_sees_its_own_part_of_the_hierarchy(tmp_path: Path) -> None:
    """The mount is of the container's cgroup, and the path of the process is as the host has it."""
    mount = "30 23 0:26 /docker/1234 {} ro - cgroup2 cgroup2 rw\n"
    files = {"memory.current": "77\n", "memory.max": "100\n"}
    found = cgroup_of(7, laid_out(tmp_path, "0::/docker/1234\n", mount, files))
    assert found is not None
    assert (found.current, found.limit) == (77, 100)


def test_what_is_not_there_is_not_known(tmp_path: Path) -> None:
    assert cgroup_of(7, tmp_path) is None
    assert (
        cgroup_of(7, laid_out(tmp_path / "1", "0::/\n", V2, {"memory.stat": "anon 1\n"})) is None
    )  # the root has none
    assert cgroup_of(7, laid_out(tmp_path / "2", "nonsense", "more nonsense\n - \n", {})) is None
    files = {"memory.current": "12x", "memory.max": "9" * 40}
    assert cgroup_of(7, laid_out(tmp_path / "3", "0::/\n", V2, files)) is None
