"""No text that a person reads has a turn of phrase that had to be deciphered before (design, "Language")."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from gdb_gospan.glossary.identities import IDENTITY_FORMULAS
from gdb_gospan.glossary.lookup import TERMS
from gdb_gospan.render.help import help_text
from gdb_gospan.render.style import Style
from gdb_gospan.reports.arguments import parse
from gdb_gospan.reports.catalog import COMMANDS
from gdb_gospan.reports.run import run
from tools import answers, images
from tools.questions import NEEDED

if TYPE_CHECKING:
    from gdb_gospan.analysis.session import Session
    from gdb_gospan.fields.command import Command

PACKAGE = Path(__file__).parents[2] / "gdb_gospan"
SCRIPTS = Path(__file__).parents[2] / "dlv_scripts" / "parts"

#: What was said, as a regular expression, and what says it better.
BANNED = {
    r"\bat hand\b": "cached, known, without",
    r"\bin stock\b": "held, cached",
    r"\bstock of\b": "cache of",
    r"would be normal": "which is normal",
    r"\bof \S+ signs\b": "N of N checks passed",
    r"there can be but": "only one is allowed",
    r"\btakes no (?!value|files)": "invalid, does not accept",
    r"^ *said  ": "claim",
    r"in truth": "fact",
    r"said of it": "the claim and the fact",
    r"goes on at|going on": "in progress",
    r"at work\b": "active",
    r"changing hands|changes hands": "in transition",
    r"of nobody|nobody (knows|has)|nothing records": "without an owner, is not recorded",
    r"whose is not known|unknown whose": "owner unknown",
    r"stands? on them": "use them",
    r"stands? still|still stood|stood still": "is paused",
    r"by the pacer's count": "estimated live",
    r"found alive|alive at the last": "the last cycle found X live",
    r"as of the end": "up to the end",
    r"counts as used": "would count against it",
    r"no goal for": "no scavenge goal from",
    r"none goes": "no key is removed",
    r"a key went\b": "a key is removed",
    r"idle or not": "even while it is idle",
    r"for their own P only": "each usable by its own P only",
    r"past the size|size that was asked for": "beyond the requested size",
    r"of all, how many|of them, how many|, how many of them": "their number",
    r"contradicts itself": "is inconsistent",
    r"cannot be: damage": "impossible (damage)",
    r"'s sake": "for",
    r"\b(hold|held) back": "still in the caches",
    r"\bworked out\b": "computed",
    r"\bbesides\b": "also includes, plus",
    r"nowhere to be found": "not found",
    r"pieces of evidence": "layout checks",
    r"\bto be over\b": "should end",
    r"\b(cycles?|cycle \d+) over\b": "finished",
    r"in the midst|in the middle of": "during",
    r"keep from being|keeps? blocks? .* from being free by": "has only a few pages in use",
    r"side .* different things": "disagree",
    r"that there are\b": "number of",
    r"left out for the width": "not shown (too wide)",
    r"\bcan be had\b": "is available",
    r"lies? right (before|after)": "just before",
    r"left of the chunk": "left in the chunk",
    r"Sys less\b": "Sys minus",
    r"the most that it may, but": "at most",
    r"abreast|foregone": "parallel, out of range",
    r"waste most\b": "with the most free bytes",
    r"too few for a slot": "after the last slot",
    r"\bquiet stop\b": "when no allocation or sweep is in progress",
    r"memory that is resident; pages": "its memory in RAM",
    r"\ball by bytes|together by bytes": "in percent of the bytes",
    r"only if one is shown": "the column appears only if a row has one",
    r"on the left, or first": "the first",
    r"not shown for a swept slot without": "a swept slot without one has no such word",
    r"\bof the P, in words": "what the P does",
    r"goals are compared with: ": "compares this with its goals",
    r"\bdown to a goal\b": "until the heap is at a goal",
    r"in use here means": "counts as in use",
    r"HeapSys stays (the same|as it is)": "does not raise HeapSys",
    r"\b(each|one) sign\b|a sign shows": "a character",
    r"most important thing": "what it is used for",
    r"drawn as something else": "not drawn as free",
    r"pale cell": "the darker, the more",
    r"the worst first, code or subject": "column to sort by",
    r"completely or not at all": "appears when it is complete",
    r"no link is followed": "a symbolic link is an error",
    r"relies on, as this": "reads",
    r"Go releases that are known": "the supported Go releases",
    r"command line was wrong": "is invalid",
    r"\bcould not tell\b": "could not decide",
    r"are lost to page rounding": "lose X to page rounding",
    r"has no span cached": "caches no spans",
    r"more are returned or never": "also hold X that are returned or never touched",
    r"releases everything of": "releases all caches of",
    r"is reused, never returned": "the runtime reuses it and never returns it",
    r"can be made of them": "can use them",
    r"cache alone for all": "cache without a number",
    r"no gdb with this": "needs gdb",
    r"would move otherwise": "protection from being moved",
    r"addresses are still the program's": "it is still mapped",
    r"the most that one": "the largest single",
    r"for each page tell which": "hold the state",
    r"is (fragmented|Sys - Alloc) .* is fragmented": "a heap is fragmented when",
    r"lie together": "pages and free runs",
    r"can hold no object": "hold no object",
    r"is gone since": "was removed in",
    r"what is so instead": "the facts",
}  # fmt: skip

PAGES = sorted(
    page
    for page in (
        *(PACKAGE.parent / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "install.sh")),
        *(PACKAGE.parent / "examples").glob("*.md"),
        *(PACKAGE / "install").glob("*.sh"),
        PACKAGE.parent / "dlv_scripts" / "README.md",
        PACKAGE.parent / "tests" / "bench" / "README.md",
        PACKAGE.parent / "tests" / "run",
    )
)

IMAGES = ("1.27-corners", "1.26-cached")
OPTIONS = {
    "summary": (["--all"], ["--why"]),
    "pages": (["--chunks"], ["--blockers"], ["--why"]),
    "layout": (["--verbose"],),
    "cache": (["0"], ["--why"]),
    "list": (["--state", "all"], ["--why"]),
}


def banned_in(text: str) -> list[str]:
    """Return the banned turns that a text has, in words that tell where; a line break is a space."""
    lines = [*text.split("\n"), re.sub(r"\s+", " ", text)]
    return [turn for turn in BANNED if any(re.search(turn, line, re.IGNORECASE) for line in lines)]


@pytest.mark.parametrize(
    "text",
    [
        "held by 33 of 33 signs",
        "304 of them in stock",
        "  said     one percentage",
        "live 4 MiB by the pacer's\n   count, 9 %",
        "GC cycle 8 over, swept",
    ],
)
def test_a_banned_turn_is_found(text: str) -> None:
    assert banned_in(text)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
@pytest.mark.parametrize("image", IMAGES)
def test_a_report_has_no_banned_turn(command: Command, image: str) -> None:
    if command.name in ("explain", "snapshot") or command.contents:
        return
    session = images.load(image).session()
    for first in addresses(session) if command.name == "show" else [[]]:
        for words in ([], *OPTIONS.get(command.name, (["--why"],))):
            for width in (60, 200):
                asked = [*first, *words, *NEEDED.get(command.name, [])]
                text = run(session, command, parse(command, asked), Style(width=width))
                assert banned_in(text) == []


def addresses(session: Session) -> list[list[str]]:
    """Return addresses in a free page, in a span of each state that the image has, and of its descriptor."""
    spans = answers.of(session, "list", "--state", "all", "--limit", "0")["list"]
    of_each = {span["state"]: span for span in spans}.values()
    free = answers.of(session, "pages")["largest_run"]["address"]
    starts = [[span["start"]] for span in of_each if span["state"] != "dead"]
    return [[free], *starts, *([span["descriptor"]] for span in of_each)]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_help_has_no_banned_turn(command: Command) -> None:
    assert banned_in(help_text(command)) == []


@pytest.mark.parametrize("name", ["", *(term.name for term in TERMS), *IDENTITY_FORMULAS])
def test_an_explanation_has_no_banned_turn(name: str) -> None:
    explain = answers.named("explain")
    text = run(None, explain, parse(explain, [name] if name else []), Style(width=200))
    assert banned_in(text) == []


@pytest.mark.parametrize(
    "path", sorted(PACKAGE.rglob("*.py")), ids=lambda path: str(path.relative_to(PACKAGE))
)
def test_a_literal_has_no_banned_turn(path: Path) -> None:
    name = str(path.relative_to(PACKAGE))
    for number, text in literals(ast.parse(path.read_text(encoding="utf-8"))):
        assert banned_in(text) == [], f"{name}:{number}: {text}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PACKAGE.parent)))
def test_a_page_has_no_banned_turn(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    assert [line for line in text.splitlines() if banned_in(line)] == []
    assert banned_in(text) == []


@pytest.mark.parametrize("path", sorted(SCRIPTS.glob("report_*.star")), ids=lambda path: path.name)
def test_the_script_has_no_banned_turn(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [said for said in re.findall(r'(?<!")"([^"\n]+)"(?!")', text) if banned_in(said)] == []


def literals(tree: ast.Module) -> list[tuple[int, str]]:
    """Return the texts of a module with their lines; what is only documentation is not among them."""
    told = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            told |= {id(part) for part in node.values}
            pieces = [part.value if isinstance(part, ast.Constant) else "0" for part in node.values]
            found.append((node.lineno, "".join(map(str, pieces))))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in told:
            found.append((node.lineno, node.value))
    return found
