"""The recipes in examples: their commands exist, and what they say that go-spans says, it says."""

from __future__ import annotations

import inspect
import re

import pytest

from gdb_gospan.fields.command import options_of
from gdb_gospan.memory import permissions
from gdb_gospan.reports.arguments import command_named
from tools.cache import CHECKOUT
from tools.recipes import PAGES

OF_THE_COMMAND_LINE = {"pid", "dlv", "debug-directory"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_exist(page) -> None:
    text = page.read_text(encoding="utf-8")
    used = re.findall(
        r"(?<!image=)(?<!set )go-spans (?!go-spans|…)([a-z]+)\b([^\n'`]*)",
        re.sub(r"^.*(?:FROM|docker build).*$", "", text, flags=re.MULTILINE),
    )
    assert used
    for name, words in used:
        options = {option.name for option in options_of(command_named(name))} | OF_THE_COMMAND_LINE
        assert set(re.findall(r"--([\w-]+)", words.partition(" -c ")[0])) <= options, (name, words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_it_is_linked(page) -> None:
    assert f"examples/{page.name}" in (CHECKOUT / "README.md").read_text(encoding="utf-8")


def test_every_refusal_of_the_kernel_is_explained() -> None:
    text = (CHECKOUT / "examples" / "containers.md").read_text(encoding="utf-8")
    told = re.findall(r"^\| `(.*?)` \|", text.partition("## When the kernel refuses")[2], re.MULTILINE)
    code = re.sub(r'"\s*\n\s*f?"', "", inspect.getsource(permissions.refusal)).replace(
        "{_name(user)}", "root"
    )
    assert len(told) >= 7
    assert [line for line in told if line not in code] == []
