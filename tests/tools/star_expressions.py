"""Expressions of the package in Starlark: names, texts, calls and what stands for each builtin."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator, Sequence
from types import ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

import attrs

from gdb_gospan.fields.document import is_document
from tools.star_source import Place, Source, Untranslatable, home_of, literal, quoted, source_of

if TYPE_CHECKING:
    from tools.star_functions import Translation

NATIVE = {
    name: name
    for name in (
        "append", "extend", "insert", "pop", "remove", "index", "get", "items", "keys", "values", "setdefault", "update",
        "split", "partition", "join", "replace", "strip", "lstrip", "rstrip", "startswith", "endswith", "splitlines", "isdigit",
        "lower", "upper", "count", "find",
    )
} | {"isdecimal": "isdigit"}  # fmt: skip
"""Methods of lists, dicts and strings, and those of Starlark's that do the same."""

RENAMED = {
    "len": "length", "sum": "sum_of", "abs": "magnitude", "hex": "hexadecimal", "round": "rint", "frozenset": "list", "tuple": "list",
}  # fmt: skip
"""Builtins that Starlark lacks, that some Delve lacks, or that count bytes there; and what the script has instead."""

BUILT_IN = frozenset(
    {
        "any", "all", "bool", "dict", "enumerate", "float", "int", "list", "max", "min", "range", "reversed", "set", "sorted", "str", "zip",
        "True", "False", "None",
    }
)  # fmt: skip

FORMS = re.compile(r"[<>](\d+|\{[^}]+\})|#x|\+?,|,?\.\df|,?\.3g")
"""Formats of numbers and texts that the script's function `written` knows."""

INLINE = ("about", "proof")
"""Fields whose documents stand in JSON where they would."""


METHODS = {"inside": "is_inside", "among": "is_among", "explains": "explains", "phase_name": "phase_name"}
"""Methods of the package's classes, and the functions that stand for them."""

FUNCTIONS = {**METHODS, "removeprefix": "without_prefix", "sum": "sum_of"}
"""Methods for which there are functions in the script."""

REWRITTEN = {
    "getattr": ["", "a[b]"],
    "hasattr": ["", "b in a"],
    "next": ["a[0]", "(a + [b])[0]"],
    "map": ["", "[a(each) for each in b]"],
    "filter": ["", "[each for each in b if each]"],
    "partial": [],
}
"""Builtins that Starlark lacks or has otherwise, and what stands for a call with one argument, and with two."""


class Expressions(ast.NodeTransformer):
    """Rewrites an expression of a module."""

    def __init__(self, whole: Translation, source: Source, node: ast.AST) -> None:
        self._whole, self._source, self._node = whole, source, copy.deepcopy(node)
        self._local = frozenset(_bound_in(node))
        self._words: list[str] = []

    def expression(self) -> str:
        """Return the expression."""
        return self._written(self.visit(self._node))

    def _written(self, node: ast.AST) -> str:
        text = ast.unparse(ast.fix_missing_locations(node))
        # Before 3.11 Python writes brackets around the targets of an assignment.
        text = re.sub(r"(?m)\bfor \(([\w, ]+)\) in", r"for \1 in", text)
        text = re.sub(r"(?m)^( *)\(([\w, ]+)\) = ", r"\1\2 = ", text)
        return re.sub(r"TEXT_(\d+)_TEXT", lambda found: self._words[int(found[1])], text)

    def _text(self, text: str) -> ast.Name:
        """Return what stands for a text: `ast` would put it into the other quotes."""
        return self._as_it_is(quoted(text))

    def _as_it_is(self, text: str) -> ast.Name:
        self._words.append(text)
        return ast.Name(f"TEXT_{len(self._words) - 1}_TEXT")

    def _no(self, node: ast.AST, what: str) -> NoReturn:
        line = getattr(node, "lineno", "?")
        raise Untranslatable(
            f"{self._source.path}:{line}: {what}: Starlark has no such thing (see tests/tools/star_rewriter.py)"
        )

    def visit(self, node: ast.AST) -> Any:
        if isinstance(node, (ast.Attribute, ast.Call, ast.BinOp, ast.Subscript)):
            expression = ast.unparse(node)
            if expression in self._whole.replaced:
                self._whole.unused.discard(expression)
                return self._as_it_is(self._whole.replaced[expression])
        return super().visit(node)

    def visit_Constant(self, node: ast.Constant) -> Any:
        if not isinstance(node.value, str):
            return node
        return self._text(self._changed(node.value))

    def _changed(self, text: str) -> str:
        for old, new in self._whole.texts.items():
            text = text.replace(old, new)
        return text

    def visit_JoinedStr(self, node: ast.JoinedStr) -> Any:
        form, values = "", []
        for part in node.values:
            if isinstance(part, ast.Constant):
                form += self._changed(str(part.value)).replace("%", "%%")
            else:
                assert isinstance(part, ast.FormattedValue)
                form += "%s"
                value = self.visit(part.value)
                spec = ast.unparse(part.format_spec)[2:-1] if part.format_spec else ","
                if not FORMS.fullmatch(spec):
                    self._no(node, f"the format {spec!r}")
                values.append(
                    call("written", value, self.visit(part.format_spec)) if part.format_spec else value
                )
        if not values:
            return self._text(form.replace("%%", "%"))
        if form == "%s" and isinstance(values[0], ast.Call):  # has a form, and so is a text
            return values[0]
        return ast.BinOp(self._text(form), ast.Mod(), ast.Tuple(values, ast.Load()))

    def visit_Name(self, node: ast.Name) -> Any:
        name = node.id
        if name in self._local or not isinstance(node.ctx, ast.Load):
            return node
        place = self._global(name)
        if place is None:
            if name in RENAMED:
                return ast.Name(RENAMED[name])
            if name in BUILT_IN:
                return node
            self._no(node, name)
        return self._named(place)

    def _global(self, name: str) -> Place | None:
        """Return what a name of the module stands for, unless it is a builtin's."""
        found = self._source.imported.get(name)
        if isinstance(found, Place):
            return found
        return Place(self._source.module.__name__, name) if name in self._source.defined else None

    def _named(self, place: Place) -> Any:
        value = source_of(home_of(place).module).value(home_of(place).name)
        if isinstance(value, type):
            return self._text(value.__name__)
        return self._global_name(place)

    def _global_name(self, place: Place) -> ast.Name:
        name = self._whole.name_of(place)
        return ast.Name(self._whole.other_name(home_of(place)) if name in self._local else name)

    def _place_of(self, node: ast.expr) -> Place | None:
        """Return what an expression names in the package."""
        if isinstance(node, ast.Name) and node.id not in self._local:
            return self._global(node.id)
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id not in self._local
        ):
            module = self._source.imported.get(node.value.id)
            if isinstance(module, ModuleType):
                return Place(module.__name__, node.attr)
        return None

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        place = self._place_of(node)
        if place is not None:
            return self._named(place)
        value = self.visit(node.value)
        if node.attr in INLINE:
            return value
        return ast.Subscript(value, self._text(node.attr), node.ctx)

    def visit_Call(self, node: ast.Call) -> Any:
        place = self._place_of(node.func)
        if place is not None:
            kind = source_of(home_of(place).module).value(home_of(place).name)
            if isinstance(kind, type):
                return self._dict(kind, node)
            return self._called(self._global_name(place), node)
        if isinstance(node.func, ast.Name) and node.func.id not in self._local:
            return self._builtin(node.func.id, node)
        if isinstance(node.func, ast.Attribute):
            return self._method_call(node.func, node)
        return self._called(self.visit(node.func), node)

    def _called(self, function: ast.expr, node: ast.Call) -> ast.Call:
        arguments = [self.visit(each) for each in node.args]
        return ast.Call(
            function, arguments, [ast.keyword(each.arg, self.visit(each.value)) for each in node.keywords]
        )

    def _dict(self, kind: type, node: ast.Call) -> ast.expr:
        """Return a dict for a call of a class: of its fields, with the values that it gives those that are left out."""
        fields: dict[str, Any] = (
            {each.name: each.default for each in attrs.fields(kind)}
            if attrs.has(kind)
            else {
                name: getattr(kind, "_field_defaults", {}).get(name, attrs.NOTHING)
                for name in getattr(kind, "_fields", ())
            }
        )
        if not fields or any(isinstance(each, ast.Starred) for each in node.args):
            self._no(node, f"an object of {kind.__name__}")
        given = dict(zip(fields, node.args, strict=False))
        given |= {each.arg: each.value for each in node.keywords if each.arg}
        values = [(name, self.visit(value)) for name, value in given.items()]
        if not is_document(kind):
            values += [
                (name, self._as_it_is(literal(default)))
                for name, default in fields.items()
                if name not in given and (default is None or isinstance(default, (bool, int, str, tuple)))
            ]
        made = ast.Dict([self._text(name) for name, _ in values], [value for _, value in values])
        others = [self.visit(each.value) for each in node.keywords if each.arg is None]
        return call("merged", ast.List([*others, made], ast.Load())) if others else made

    def _method_call(self, function: ast.Attribute, node: ast.Call) -> ast.expr:
        name, whole = function.attr, ast.unparse(function)
        arguments = [self.visit(each) for each in node.args]
        keywords = [ast.keyword(each.arg, self.visit(each.value)) for each in node.keywords]
        if name == "paint":
            return arguments[1]  # type: ignore[no-any-return]
        if whole == "attrs.evolve":
            changes = ast.Dict(
                [self._text(each.arg or "") for each in keywords], [each.value for each in keywords]
            )
            return _made("merged([a, b])", a=arguments[0], b=changes)
        if whole == "dict.fromkeys":
            return _made("{each: b for each in a}", a=arguments[0], b=[*arguments, ast.Constant(None)][1])
        if name == "tolist":  # of numpy's array, for which there is a list
            return self.visit(function.value)  # type: ignore[no-any-return]
        if name in FUNCTIONS:
            return call(FUNCTIONS[name], self.visit(function.value), *arguments)
        if name in NATIVE:
            method = ast.Attribute(self.visit(function.value), NATIVE[name], ast.Load())
            return ast.Call(method, arguments, keywords)
        return ast.Call(self.visit(function), arguments, keywords)

    def _builtin(self, name: str, node: ast.Call) -> ast.expr:
        if name in ("max", "min") and any(isinstance(each, ast.Starred) for each in node.args):
            return call(name, self._listed(node.args))
        if name not in BUILT_IN | RENAMED.keys() | REWRITTEN.keys():
            self._no(node, name)
        arguments: list[ast.expr] = [self.visit(each) for each in node.args]
        keywords = {
            each.arg: self.visit(each.value)
            for each in node.keywords
            if (name, each.arg) != ("zip", "strict")
        }
        if name == "partial":
            given = [ast.keyword(key, value) for key, value in keywords.items()]
            return _made(
                "lambda each: a", a=ast.Call(arguments[0], [*arguments[1:], ast.Name("each")], given)
            )
        if "default" in keywords:
            return _made("f(a or [b])", f=ast.Name(name), a=arguments[0], b=keywords["default"])
        if name in REWRITTEN:
            return _made(REWRITTEN[name][len(arguments) - 1], **dict(zip("ab", arguments, strict=False)))
        return ast.Call(
            ast.Name(RENAMED.get(name, name)),
            arguments,
            [ast.keyword(key, value) for key, value in keywords.items()],
        )

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> Any:
        return self.visit_ListComp(ast.ListComp(node.elt, node.generators))

    def visit_ListComp(self, node: ast.ListComp) -> Any:
        return ast.ListComp(self.visit(node.elt), [self.visit(each) for each in node.generators])

    def visit_SetComp(self, node: ast.SetComp) -> Any:
        return call("set", self.visit_ListComp(ast.ListComp(node.elt, node.generators)))

    def visit_Set(self, node: ast.Set) -> Any:
        return call("set", self._listed(node.elts))

    def visit_List(self, node: ast.List) -> Any:
        return self._listed(node.elts)

    def visit_Tuple(self, node: ast.Tuple) -> Any:
        if any(isinstance(each, ast.Starred) for each in node.elts):
            return self._listed(node.elts)
        return ast.Tuple([self.visit(each) for each in node.elts], node.ctx)

    def _listed(self, elements: Sequence[ast.expr]) -> ast.expr:
        """Return a list, some of whose elements may be those of other ones."""
        found: list[ast.expr] = []
        own: set[int] = set()
        for each in elements:
            if isinstance(each, ast.Starred):
                made = self.visit(each.value)
                found.append(made if isinstance(made, (ast.List, ast.ListComp)) else call("list", made))
            elif found and isinstance(found[-1], ast.List) and id(found[-1]) in own:
                found[-1].elts.append(self.visit(each))
            else:
                found.append(ast.List([self.visit(each)], ast.Load()))
                own.add(id(found[-1]))
        whole: ast.expr = found[0] if found else ast.List([], ast.Load())
        for part in found[1:]:
            whole = ast.BinOp(whole, ast.Add(), part)
        return whole

    def visit_Dict(self, node: ast.Dict) -> Any:
        if None not in node.keys:
            return super().generic_visit(node)
        parts = [
            self.visit(value) if key is None else ast.Dict([self.visit(key)], [self.visit(value)])
            for key, value in zip(node.keys, node.values, strict=True)
        ]
        return call("merged", ast.List(parts, ast.Load()))

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        if isinstance(node.op, ast.BitOr) and any(is_dict(each) for each in (node.left, node.right)):
            return call("merged", ast.List([self.visit(node.left), self.visit(node.right)], ast.Load()))
        left, right = self.visit(node.left), self.visit(node.right)
        if isinstance(node.op, ast.Add):  # Python counts True as 1
            left, right = (
                call("int", each) if isinstance(each, ast.Compare) else each for each in (left, right)
            )
        return ast.BinOp(left, node.op, right)

    def visit_Compare(self, node: ast.Compare) -> Any:
        left, pairs = self.visit(node.left), []
        for operator, right in zip(node.ops, node.comparators, strict=True):
            made = self.visit(right)
            pairs.append(ast.Compare(left, [_EQUAL.get(type(operator), operator)], [made]))
            left = made
        return pairs[0] if len(pairs) == 1 else ast.BoolOp(ast.And(), list(pairs))


_EQUAL: dict[type, ast.cmpop] = {ast.Is: ast.Eq(), ast.IsNot: ast.NotEq()}


def is_dict(node: ast.expr) -> bool:
    return isinstance(node, ast.Dict) or ast.unparse(node).startswith("dict.fromkeys(")


def call(name: str, *arguments: ast.expr) -> ast.Call:
    return ast.Call(ast.Name(name), list(arguments), [])


def _made(template: str, **parts: ast.expr) -> ast.expr:
    """Return an expression in which names stand for others."""

    class Filled(ast.NodeTransformer):
        def visit_Name(self, node: ast.Name) -> ast.expr:
            return parts.get(node.id, node)

    made: ast.expr = Filled().visit(ast.parse(template, mode="eval").body)
    return made


def _bound_in(node: ast.AST) -> Iterator[str]:
    """Yield the names that a function, or an expression, has for itself."""
    for each in ast.walk(node):
        if isinstance(each, ast.arg):
            yield each.arg
        elif isinstance(each, ast.Name) and isinstance(each.ctx, ast.Store):
            yield each.id
        elif isinstance(each, ast.FunctionDef) and each is not node:
            yield each.name
