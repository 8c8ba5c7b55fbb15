"""What a shell learns from the exit status: a script that runs `go-spans check` needs no other output."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from gdb_gospan import cli, errors
from gdb_gospan.memory.image import Image, write
from gdb_gospan.reports import check
from gdb_gospan.reports.catalog import COMMANDS
from tools import answers, images, shell

if TYPE_CHECKING:
    from pathlib import Path

NAME = "1.27-corners"

#: Where the threads of a program stand that does nothing.
PARKED = [
    *("runtime.futex", "runtime.futexsleep", "runtime.notesleep", "runtime.mPark", "runtime.stopm"),
    *("runtime.findRunnable", "runtime.schedule", "runtime.park_m", "runtime.mcall"),
]


def changed(path: Path, *, counter: int = 0, lost: bool = False) -> Path:
    """Write the image anew, with idle threads, and with another heapInUse or without a span's bitmap."""
    image, meta = Image.load(images.FOLDER / f"{NAME}.gospan")
    heap = images.load(NAME).session().heap
    segments = image.segments
    flat, keep = segments.flat.copy(), np.ones(len(segments.start), np.bool_)
    at = heap.controller.address_of("heapInUse")
    offset, inside = segments.locate(np.array([at], np.uint64), 8)
    assert inside.all()
    word = flat[int(offset[0]) : int(offset[0]) + 8].view("<u8")
    word += np.uint64(counter)
    if lost:
        bitmap = heap.spans.records["allocBits"][np.flatnonzero(heap.spans.counted)[0]]
        keep[segments.index(int(bitmap))] = False
    start, size, offset = (column[keep] for column in (segments.start, segments.size, segments.offset))
    pieces = [flat[first : first + many] for first, many in zip(offset.tolist(), size.tolist(), strict=True)]
    ms = heap.ms
    assert ms is not None
    meta["threads"] = [[f"thread {number}", PARKED, number] for number in ms.procid[~ms.spare].tolist()]
    write(path, meta, start, size, pieces, image.holes)
    return path


@pytest.mark.parametrize(
    ("damage", "word", "status"),
    [
        ({}, "exact", 0),
        ({"counter": 8192}, "broken", 1),
        ({"lost": True}, "unknown", 3),
        ({"counter": 8192, "lost": True}, "broken", 1),
    ],
)
def test_check(damage: dict[str, int], word: str, status: int, tmp_path: Path) -> None:
    path = changed(tmp_path / "heap.gospan", **damage)
    for form in ([], ["--json"], ["--csv"], ["--limit", "1"]):
        answer = shell.inside("check", *form, path)
        assert (answer.status, answer.stderr) == (status, "")
        assert word in answer.stdout


def test_other_reports_are_shown_whatever_the_checks_say(tmp_path: Path) -> None:
    path = changed(tmp_path / "heap.gospan", counter=8192, lost=True)
    for command in COMMANDS:
        if command.contents:
            assert shell.inside(command.name, path).status == 3, command.name
        elif command.needs_target and not command.needs_argument and command.name not in ("check", "gate"):
            assert shell.inside(command.name, path).status == 0, command.name


@pytest.mark.parametrize(
    ("found", "samples", "status"),
    [
        ("exact", None, 0),
        ("exact transient", "exact", 0),
        ("exact transient unknown", "exact", 3),
        ("exact broken", "exact", 1),
        ("transient unknown broken exact", None, 1),
        ("exact", "unknown", 3),
        ("unknown", "broken", 1),
    ],
)
def test_the_worst_of_the_checks_decides(found: str, samples: str | None, status: int) -> None:
    answer = answers.of(images.load(NAME).session(), "check")
    (first, *_), words = answer["checks"], found.split()
    answer["checks"] = answer["identities"] = [first | {"status": word} for word in words]
    answer["samples"] = samples and first | {"status": samples}
    assert check.exit_status(answers.typed(answer)) == status


def test_a_target_that_cannot_be_read(tmp_path: Path) -> None:
    broken = tmp_path / "heap.gospan"
    broken.write_bytes((images.FOLDER / f"{NAME}.gospan").read_bytes()[:3000])
    for words in (
        ["check", broken],
        ["summary", tmp_path / "absent", "core"],
        ["summary", "--pid", 2**22 + 1],
    ):
        answer = shell.inside(*words)
        assert (answer.status, answer.stdout, answer.stderr.count("\n")) == (3, "", 1), words
    nothing_there = shell.inside("show", "0x10", images.FOLDER / f"{NAME}.gospan")
    assert nothing_there.status == 3


def test_usage_interrupts_and_pipes(monkeypatch: pytest.MonkeyPatch) -> None:
    path = images.FOLDER / f"{NAME}.gospan"
    assert shell.inside("check", "--sort", "x", path).status == 2
    assert shell.inside("explain", "zork").status == 2
    assert shell.inside("explain", "span").status == 0
    for error, status in ((KeyboardInterrupt(), 130), (BrokenPipeError(), 141), (OSError(28, "full"), 3)):

        def stop(text: str, error: BaseException = error) -> None:
            raise error

        with monkeypatch.context() as patch:
            patch.setattr(cli, "_write", stop)
            assert shell.inside("check", path).status == status


def test_every_status_is_in_the_help() -> None:
    told = cli.overview().partition("Exit status:\n")[2]
    assert [int(line.split()[0]) for line in told.strip().splitlines()] == [
        0,
        errors.FOUND,
        errors.USAGE,
        errors.NOT_TOLD,
        errors.INTERRUPTED,
        errors.BROKEN_PIPE,
    ]
