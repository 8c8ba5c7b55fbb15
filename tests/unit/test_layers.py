"""The shape of the package, held by walking its syntax trees: layers, start of gdb, size, Go versions."""

from __future__ import annotations

import ast
import re
import textwrap
from pathlib import Path

import pytest

from tools import gdbs
from tools.cache import CHECKOUT

PACKAGE = CHECKOUT / "gdb_gospan"
PLUGIN = PACKAGE / "gdb_gospan"
INDEX = PACKAGE / "reports" / "index.py"  # which is generated: a line for each fact of each report

#: What the modules of a layer may import besides their own layer.
_BASE = {"errors", "interrupts", "single_thread"}
_ENGINE = {*_BASE, "memory", "layout", "runtime", "analysis"}
_SHOWN = {*_ENGINE, "fields", "render", "glossary", "reports"}
MAY_IMPORT = {
    "errors": set(),
    "interrupts": set(),
    "single_thread": {"errors", "interrupts"},
    "memory": _BASE,
    "layout": {*_BASE, "memory"},
    "runtime": {*_BASE, "memory", "layout"},
    "analysis": {*_BASE, "memory", "layout", "runtime"},
    "targets": _ENGINE,
    "fields": _ENGINE,
    "glossary": {"fields"},
    "render": {*_ENGINE, "fields"},
    "reports": {*_ENGINE, "fields", "render", "glossary"},
    "debugger": {*_SHOWN, "targets"},
    "cli": {*_SHOWN, "targets"},
    "api": {*_SHOWN, "targets", "debugger"},
    "startup": {"interrupts", "debugger"},
    "__main__": {"cli", "errors", "interrupts"},
    "gdb_gospan": {"startup", "errors"},  # the plain file
}

HEAVY = {"attr", "attrs", "elftools", "numpy", "pygments", "tabulate"}

#: Functions that run when gdb starts with the plugin, so what they import counts like what a module imports.
AT_START = {"_go_spans", "load", "register"}

MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "__pycache__" not in path.parts)


def module_name(path: Path) -> str:
    """gdb_gospan/render/tables.py is gdb_gospan.render.tables."""
    parts = path.relative_to(CHECKOUT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def layer(module: str) -> str | None:
    """gdb_gospan.render.tables is in views; the package itself is in no layer."""
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else None


def read(path: Path) -> ast.Module:
    """Parse a module, or the block of Python in a file of gdb commands."""
    text = path.read_text(encoding="utf-8")
    if path.suffix != ".py":
        block = re.search(r"^python\n(.*?)^end$", text, re.MULTILINE | re.DOTALL)
        assert block, f"{path} has no block of Python"
        text = block[1]
    return ast.parse(text, str(path))


def imports(tree: ast.AST, *, at_start: bool = False) -> set[str]:
    """Return the dotted names that a module imports, also those that may be functions or classes.

    With `at_start` only what importing the module imports: nothing inside functions (but those in
    AT_START), nothing for type checkers.
    """
    found: set[str] = set()
    todo = [tree]
    while todo:
        node = todo.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"a relative import in line {node.lineno}: say where it comes from"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif at_start and is_function(node) and node.name not in AT_START:
            continue
        elif at_start and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            todo += node.orelse
            continue
        todo += ast.iter_child_nodes(node)
    return found


def is_function(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)


def upward(tree: ast.AST, module: str) -> list[str]:
    """Return the imports that break the rule of the layers, and `import gdb` where it must not be."""
    own = layer(module)
    bad = []
    for name in sorted(imports(tree)):
        other = layer(name) if name.split(".")[0] == "gdb_gospan" else None
        if own and other and other != own and other in MAY_IMPORT and other not in MAY_IMPORT[own]:
            bad.append(f"{module} imports {name}")
        if name.split(".")[0] == "gdb" and own not in ("debugger", "gdb_gospan"):
            bad.append(f"{module} imports {name}")
    return bad


def asks_for_version(tree: ast.AST) -> list[int]:
    """Return the lines that compare a Go version: by name, by a pair like (1, 22), by a string like "go1.22"."""
    lines = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare | ast.Match):
            operands = [node.left, *node.comparators] if isinstance(node, ast.Compare) else [node]
        elif (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr == "startswith"
        ):
            operands = node.args
        else:
            continue
        if any(names_version(part) for operand in operands for part in ast.walk(operand)):
            lines.append(node.lineno)
    return lines


def names_version(node: ast.AST) -> bool:
    match node:
        case ast.Attribute(attr="major" | "minor" | "patch" | "release" | "go_version" | "goversion"):
            return True
        case ast.Name(id="go_version" | "goversion" | "go_minor"):
            return True
        case ast.Tuple(elts=[ast.Constant(value=1), ast.Constant(value=int(minor))]):
            return minor >= 10  # (1, 2) is anything
        case ast.Constant(value=str(text)):
            return re.match(r"(go)?1\.\d\d", text) is not None
    return False


@pytest.mark.parametrize("path", [*MODULES, PLUGIN], ids=lambda path: str(path.relative_to(PACKAGE)))
def test_layers(path):
    assert upward(read(path), module_name(path)) == []
    assert layer(module_name(path)) in {None, *MAY_IMPORT}, "a module outside of all layers"


#: Where plain values are made of documents, or of what was typed.
PLAIN_VALUES = {
    "render/plain.py", "render/schema.py", "reports/arguments.py", "reports/limits.py", "reports/options.py", "reports/toml.py",
}  # fmt: skip


def untyped(tree: ast.AST) -> list[int]:
    """Return the lines that have dicts of anything in the place of a document."""
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Subscript) and ast.unparse(node).replace(" ", "") == "dict[str,Any]"
    ]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_documents_are_typed(path):
    if layer(module_name(path)) in {"fields", "render", "reports"}:
        assert (untyped(read(path)) != []) == (str(path.relative_to(PACKAGE)) in PLAIN_VALUES)


@pytest.mark.parametrize(
    "path",
    [*(each for each in MODULES if each != INDEX), PLUGIN],
    ids=lambda path: str(path.relative_to(PACKAGE)),
)
def test_at_most_400_lines(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 400 or "made by tests/tools/" in lines[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_only_layout_compares_go_versions(path):
    if layer(module_name(path)) != "layout":
        assert asks_for_version(read(path)) == []


def test_the_start_of_gdb_imports_nothing_heavy():
    modules = {module_name(path): path for path in MODULES}
    seen = {"gdb_gospan.gdb_gospan": "sourced"}
    todo = [("gdb_gospan.gdb_gospan", PLUGIN)]
    heavy = []
    while todo:
        module, path = todo.pop()
        for name in imports(read(path), at_start=True):
            if name.split(".")[0] in HEAVY:
                heavy.append(f"{name} by {module}, {seen[module]}")
            parts = name.split(".")
            for end in range(1, len(parts) + 1):  # a.b.c runs a and a.b too
                part = ".".join(parts[:end])
                if part in modules and part not in seen:
                    seen[part] = f"imported by {module}"
                    todo.append((part, modules[part]))
    assert len(seen) > 3, f"the walk found no more than {seen}"
    assert sorted(set(heavy)) == []


@pytest.mark.gdb
def test_gdb_itself_has_nothing_heavy_loaded(gdb):
    """The same as gdb sees it: the walk above may be wrong about what runs."""
    done = gdbs.run_gdb(
        gdb, [f"python import sys; print(sorted({HEAVY} & set(sys.modules)))", "help go-spans"]
    )
    assert done.stdout[0] == "[]\n"
    assert "go-spans" in done.stdout[1], done.startup


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gdb_gospan.memory.x", "from gdb_gospan.layout.model import Layout"),
        ("gdb_gospan.memory.x", "import gdb_gospan.render"),
        ("gdb_gospan.runtime.x", "def f():\n    from gdb_gospan import analysis"),
        ("gdb_gospan.analysis.x", "if TYPE_CHECKING:\n    from gdb_gospan.render import tables"),
        ("gdb_gospan.cli", "from gdb_gospan.debugger import commands"),
        ("gdb_gospan.reports.x", "from gdb_gospan.targets import core"),
        ("gdb_gospan.targets.x", "from gdb_gospan.render.style import Style"),
        ("gdb_gospan.render.x", "from gdb_gospan.reports import summary"),
        ("gdb_gospan.analysis.x", "from gdb_gospan.fields import units"),
        ("gdb_gospan.glossary.x", "from gdb_gospan.analysis import rules"),
        ("gdb_gospan.errors", "from gdb_gospan.memory import Memory"),
        ("gdb_gospan.cli", "import gdb"),
        ("gdb_gospan.reports.x", "from gdb.types import has_field"),
    ],
)
def test_what_breaks_the_layers_is_seen(module, source):
    assert upward(ast.parse(source), module)


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("gdb_gospan.runtime.x", "from gdb_gospan.layout.model import Layout\nfrom gdb_gospan import errors"),
        ("gdb_gospan.render.x", "from gdb_gospan.fields.units import size"),
        ("gdb_gospan.debugger.x", "import gdb\nimport gdb_gospan.reports"),
    ],
)
def test_what_keeps_the_layers_passes(module, source):
    assert upward(ast.parse(source), module) == []


@pytest.mark.parametrize(
    "source",
    [
        "if go_version > (1, 21): pass",
        "wide = layout.go.minor >= 22",
        "x = go.release in known",
        "if version[:2] == (1, 22): pass",
        "if name.startswith('go1.22'): pass",
        "match go.minor:\n    case 22: pass",
    ],
)
def test_a_comparison_of_versions_is_seen(source):
    assert asks_for_version(ast.parse(source)) == [1]


def test_a_document_without_types_is_seen():
    assert untyped(ast.parse("def build() -> dict[str, Any]: ...\nrows: list[dict[str, Any]] = []")) == [1, 2]


def test_imports_at_start():
    source = """
        import a
        try:
            import b
        except ImportError:
            from c import d
        if TYPE_CHECKING:
            import e
        def f():
            import g
        def register():
            import h
        class I:
            import j
    """
    expected = {"a", "b", "c", "c.d", "h", "j"}
    assert imports(ast.parse(textwrap.dedent(source)), at_start=True) == expected
