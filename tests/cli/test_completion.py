"""What bash, zsh and fish offer after TAB, with the scripts of `go-spans --completion`."""

from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tools import shell

if TYPE_CHECKING:
    from pathlib import Path

#: What is typed, something that must be offered, and something that must not.
TYPED = {
    "go-spans su": ("summary", "stacks"),
    "go-spans list --so": ("--sort", "--state"),
    "go-spans list --sort free_": ("free_bytes", "objects"),
    "go-spans explain spana": ("spanalloc", "mcentral"),
    "go-spans help li": ("list", "layout"),
    "go-spans summary fra": ("frag", "core"),
}

BASH = """
. ./script
COMP_LINE=$1 COMP_POINT=${#1}
read -ra COMP_WORDS <<<"$1"
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
function=$(complete -p go-spans | sed 's/.* -F \\([^ ]*\\).*/\\1/')
"$function" go-spans "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\\n' "${COMPREPLY[@]}"
"""

#: A shell at a terminal of its own: zsh completes nowhere else.
ZSH = """
zmodload zsh/zpty
zpty -b z zsh -f -i
zpty -w z "PS1=; fpath=($PWD \\$fpath); autoload -Uz compinit; compinit -u -D; bindkey '^I' complete-word"
zpty -w z "go-spans() {}; print rea''dy"
until [[ $all == *ready* ]] { zpty -r z line; all+=$line }
zpty -w -n z "$1"$'\\t\\t'
all=
repeat 40 { sleep 0.1; while zpty -rt z line; do all+=$line; done; [[ $all != *$2* ]] || break }
print -r -- "$all"
"""


def offered(name: str, typed: str, wanted: str, folder: Path) -> str:
    words = {
        "bash": ["bash", "-c", BASH, "bash", typed],
        "zsh": ["zsh", "-f", "-c", ZSH, "zsh", typed, wanted],
        "fish": ["fish", "--no-config", "-c", f"source script; complete -C '{typed}'"],
    }[name]
    return subprocess.run(
        words, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False, timeout=60
    ).stdout


@pytest.mark.parametrize("name", ["bash", "zsh", "fish"])
def test_what_a_shell_offers(name: str, tmp_path: Path) -> None:
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    script = shell.inside("--completion", name).stdout
    (tmp_path / ("_go-spans" if name == "zsh" else "script")).write_text(script, encoding="utf-8")
    for file in ("frag", "core"):
        (tmp_path / file).touch()
    for typed, (wanted, other) in TYPED.items():
        text = offered(name, typed, wanted, tmp_path)
        assert wanted in text, typed
        assert other not in text.replace(typed, ""), typed
