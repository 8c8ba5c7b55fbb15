"""Analysis answers in figures and codes: the words for each code are in render, once, and no sentence is in analysis."""

from __future__ import annotations

import ast
from string import Formatter
from typing import TYPE_CHECKING, get_args

import pytest

from gdb_gospan.analysis.notes import MISSING, Code, Note
from gdb_gospan.render.notes import ONE, WORDS, phrase, phrases
from tools import star, star_tables
from tools.cache import CHECKOUT
from tools.notes import pattern, says

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = CHECKOUT / "gdb_gospan"
ANALYSIS = sorted((PACKAGE / "analysis").rglob("*.py"))
#: Makes an outcome of its own, of what gdb says.
SAMPLES = PACKAGE / "debugger" / "samples.py"


def trees() -> Iterator[ast.Module]:
    for path in (*ANALYSIS, SAMPLES):
        yield ast.parse(path.read_text(encoding="utf-8"))


def fields(template: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(template) if name}


def test_each_code_has_words_and_each_words_a_code() -> None:
    assert set(WORDS) == set(get_args(Code))
    assert set(ONE) == {code for code, words in WORDS.items() if "number" in fields(words)}
    assert len({*WORDS.values(), *ONE.values()}) == len(WORDS) + len(ONE)


def test_each_code_is_given_somewhere() -> None:
    given = {
        node.value
        for tree in trees()
        for node in code_of(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert set(get_args(Code)) <= given


def code_of(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes of a module but for the types that list codes."""
    for statement in tree.body:
        if not (isinstance(statement, ast.Assign) and ast.unparse(statement.value).startswith("Literal[")):
            yield from ast.walk(statement)


def test_who_gives_a_code_gives_what_its_words_name() -> None:
    for tree in trees():
        for call in ast.walk(tree):
            match call:
                case ast.Call(func=ast.Name(id="Note"), args=[ast.Constant(value=code), *rest]):
                    match rest:
                        case [ast.Dict(keys=keys)]:
                            names = {key.value for key in keys if isinstance(key, ast.Constant)}
                        case []:
                            names = set()
                        case _:
                            continue
                    assert names == fields(WORDS[code]), code


def sentences(tree: ast.Module) -> Iterator[str]:
    """Yield the strings with two blanks and more, but for docstrings and the subjects of identities."""
    spared = {
        id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)
    }  # a string by itself documents what stands before it
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Attribute(value=ast.Name(id="IDENTITIES"), attr="enter"), args=arguments):
                spared.add(id(arguments[-1]))
            case ast.JoinedStr(values=values):
                spared |= {id(value) for value in values}
                text = "".join(value.value if isinstance(value, ast.Constant) else "{}" for value in values)
                if text.count(" ") > 1:
                    yield text
    for node in ast.walk(tree):
        match node:
            case ast.Constant(value=str(text)) if id(node) not in spared and text.count(" ") > 1:
                yield text


def test_no_sentence_is_in_analysis() -> None:
    found = {
        (path.name, text)
        for path in ANALYSIS
        for text in sentences(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert found == set()


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('"""A docstring of a module."""\nX = 1\n"""What X is for."""', []),
        ('@IDENTITIES.enter("a", "error", "in use", "items", "what must hold here")\ndef f(): pass', []),
        ('x = f"{a} is in {b}"', ["{} is in {}"]),
        ('x = y or "it is not known"', ["it is not known"]),
        ('x = "in use"', []),
    ],
)
def test_a_sentence_is_seen(source: str, found: list[str]) -> None:
    assert list(sentences(ast.parse(source))) == found


def test_words_of_one_and_of_many() -> None:
    assert phrase(Note("sweeping", {"number": 1})) == "1 span is being swept"
    notes = (
        Note("sweeping", {"number": 1200}),
        Note("thread-inside", {"thread": "thread 3", "function": "f"}),
    )
    assert phrases(notes) == "1,200 spans are being swept; thread 3 is in f"
    assert phrases(()) == ""


def test_the_words_separate_no_reason() -> None:
    """Of the reasons in one note, which "; " is between, only the first few are shown."""
    assert not [words for words in (*WORDS.values(), *ONE.values()) if ";" in words]


def test_words_are_recognised_by_their_code() -> None:
    for code, words in WORDS.items():
        assert not says("", code)
        assert pattern(words)
    assert says(phrase(MISSING), "memory-missing")
    assert says("thread 3 is in runtime.morestack, which hides its callers", "callers-hidden")
    assert not says("thread 3 is in runtime.morestack, which hides its callers", "signal-handler")


def test_the_script_for_delve_has_the_words_that_it_needs() -> None:
    code = star.joined().replace(star_tables.tables(), "")
    assert {word for word in WORDS if f'"{word}"' in code} == set(star_tables.NOTES)
