"""gdb as a front end drives it: GDB/MI commands in, records out."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tools import processes
from tools.gdbs import PLUGIN

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tools.gdbs import Gdb

_STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')
_NAME = re.compile(r"([A-Za-z][\w-]*)=")
_ESCAPES = {"n": b"\n", "t": b"\t", "r": b"\r", "e": b"\033", "a": b"\a", "b": b"\b", "f": b"\f", "v": b"\v"}


@dataclass
class Answer:
    """What gdb answered to one command.

    Attributes
    ----------
    status
        "done", "error" and so on.
    results
        The results of the record: text, lists and dicts.
    console, log
        The text of the console and the log stream while it ran.
    notices
        What gdb told of its own accord meanwhile: ``=cmd-param-changed,…``.
    """

    status: str = ""
    results: dict[str, Any] = field(default_factory=dict)
    console: str = ""
    log: str = ""
    notices: list[str] = field(default_factory=list)


def run_mi(
    gdb: Gdb,
    commands: Sequence[str],
    *,
    exe: Path | None = None,
    core: Path | None = None,
    plugin: Path = PLUGIN,
    timeout: float = processes.PATIENCE,
) -> list[Answer]:
    """Run MI commands in a gdb with the plugin and return the answer to each."""
    argv = [*gdb.argv, "-nx", "-q", "-i=mi"]
    for setting in ("auto-load no", "confirm off", "width 0", "style enabled off"):
        argv += ["-iex", f"set {setting}"]
    argv += [str(exe)] if exe else []
    argv += ["-core", str(core)] if core else []
    argv += ["-ex", f"source {plugin}"]
    # The first answer also has the frame that gdb showed when it opened the core.
    lines = ["-gdb-version", *commands, "-gdb-exit"]
    done = subprocess.run(
        argv,
        env=gdb.environment(),
        input="".join(f"{number}{line}\n" for number, line in enumerate(lines)),
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
        timeout=timeout,
    )
    answers = _answers(done.stdout)
    assert len(answers) == len(lines), done.stdout + done.stderr
    return answers[1:-1]


def _answers(output: str) -> list[Answer]:
    found: list[Answer] = []
    now = Answer()
    for line in output.splitlines():
        result = re.match(r"\d+\^(\w+),?", line)
        if result:
            now.status = result[1]
            now.results, rest = _pairs(line, result.end())
            assert rest == len(line), f"not MI: {line[rest:][:100]}"
            found.append(now)
            now = Answer()
        elif line.startswith("~"):
            now.console += _string(line, 1)[0]
        elif line.startswith("&"):
            now.log += _string(line, 1)[0]
        elif line.startswith("="):
            now.notices.append(line)
    return found


def _pairs(text: str, at: int) -> tuple[dict[str, Any], int]:
    pairs: dict[str, Any] = {}
    while match := _NAME.match(text, at):
        assert match[1] not in pairs, f"{match[1]} twice"
        pairs[match[1]], at = _value(text, match.end())
        at += text[at : at + 1] == ","
    return pairs, at


def _value(text: str, at: int) -> tuple[Any, int]:
    if text[at] == '"':
        return _string(text, at)
    if text[at] == "{":
        pairs, at = _pairs(text, at + 1)
        assert text[at] == "}", text[at:][:100]
        return pairs, at + 1
    assert text[at] == "[", text[at:][:100]
    items, at = [], at + 1
    while text[at] != "]":
        item, at = _value(text, at)
        items.append(item)
        at += text[at] == ","
    return items, at + 1


def _string(text: str, at: int) -> tuple[str, int]:
    match = _STRING.match(text, at)
    assert match, text[at:][:100]

    def plain(escape: re.Match[bytes]) -> bytes:
        code = escape[1].decode()
        return bytes([int(code, 8)]) if code[0].isdigit() else _ESCAPES.get(code, code.encode())

    encoded = match[1].encode()
    return re.sub(rb"\\([0-7]{1,3}|.)", plain, encoded).decode("utf-8", "replace"), match.end()
