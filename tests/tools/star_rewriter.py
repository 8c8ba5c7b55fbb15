"""A function of the package in Starlark, which is nearly a subset of Python.

What it lacks and these functions use is rewritten: a document is a dict there (``answer.gc.phase`` is
``answer["gc"]["phase"]``), a format is a call of `written`, ``is None`` is ``== None``, a method of a class is a
function. Whatever else cannot be said in Starlark is an error that names the line: write that line so that it can, or
write a function of that name in a part of the script.
"""

from __future__ import annotations

import ast
from typing import Any

from tools.star_expressions import Expressions, call, is_dict

_UNKNOWN = (ast.Try, ast.With, ast.Global, ast.Nonlocal, ast.ClassDef, ast.NamedExpr, ast.Await, ast.Delete)
"""What is rewritten only in some places, or not at all."""


class Rewriter(Expressions, ast.NodeTransformer):
    """Rewrites one function, or an expression, of a module."""

    def text(self, name: str) -> str:
        """Return the function under that name."""
        assert isinstance(self._node, ast.FunctionDef)
        made = self.visit_FunctionDef(self._node)
        made.name = name
        return self._written(made)

    def _body(self, statements: list[ast.stmt]) -> list[ast.stmt]:
        made: list[ast.stmt] = []
        for statement in statements:
            found = self.visit(statement)
            made += found if isinstance(found, list) else [] if found is None else [found]
        return made or [ast.Pass()]

    def visit_FunctionDef(self, node: ast.FunctionDef) -> Any:
        body, docstring = node.body, ast.get_docstring(node)
        if docstring:
            body = body[1:]
        made = self._body(body)
        if any(isinstance(each, (ast.Yield, ast.YieldFrom)) for each in ast.walk(node)):
            made = [*ast.parse("yielded = []").body, *made, *ast.parse("return yielded").body]
        if docstring:
            summary = " ".join(docstring.split("\n\n")[0].split())
            made = [ast.Expr(self._as_it_is(f'"""{summary}"""')), *made]
        node.args, node.body, node.returns, node.decorator_list = self._arguments(node.args), made, None, []
        return node

    def _arguments(self, arguments: ast.arguments) -> ast.arguments:
        for each in ast.walk(arguments):
            if isinstance(each, ast.arg):
                each.annotation = None
        arguments.defaults = [self.visit(each) for each in arguments.defaults]
        arguments.kw_defaults = [None if each is None else self.visit(each) for each in arguments.kw_defaults]
        return arguments

    def visit_Lambda(self, node: ast.Lambda) -> Any:
        return ast.Lambda(self._arguments(node.args), self.visit(node.body))

    def visit_ImportFrom(self, _node: ast.ImportFrom) -> Any:
        return None

    def visit_Assert(self, _node: ast.Assert) -> Any:
        return None

    def visit_AnnAssign(self, node: ast.AnnAssign) -> Any:
        return None if node.value is None else self.visit_Assign(ast.Assign([node.target], node.value))

    def visit_Assign(self, node: ast.Assign) -> Any:
        (target,) = node.targets
        value = self.visit(node.value)
        if not isinstance(target, ast.Tuple) or not any(
            isinstance(each, ast.Starred) for each in target.elts
        ):
            return ast.Assign([self.visit(target)], value, lineno=0)
        *first, rest = target.elts
        if not isinstance(rest, ast.Starred):
            self._no(node, "a star that is not the last")
        name = ast.unparse(rest.value)
        return [
            ast.Assign([ast.Name(name)], call("list", value), lineno=0),
            *(ast.Assign([each], call(f"{name}.pop", ast.Constant(0)), lineno=0) for each in first),
        ]

    def visit_AugAssign(self, node: ast.AugAssign) -> Any:
        value = self.visit(node.value)
        if isinstance(node.op, ast.BitOr) and is_dict(node.value):
            changed = call("merged", ast.List([ast.Name(ast.unparse(node.target)), value], ast.Load()))
            return ast.Assign([node.target], changed, lineno=0)
        return ast.AugAssign(self.visit(node.target), node.op, value)

    def visit_If(self, node: ast.If) -> Any:
        before: list[ast.stmt] = []
        test = node.test
        if isinstance(test, ast.NamedExpr):
            before = [ast.Assign([test.target], self.visit(test.value), lineno=0)]
            test = test.target
        return [
            *before,
            ast.If(self.visit(test), self._body(node.body), self._body(node.orelse) if node.orelse else []),
        ]

    def visit_For(self, node: ast.For) -> Any:
        return ast.For(self.visit(node.target), self.visit(node.iter), self._body(node.body), [], lineno=0)

    def visit_Raise(self, node: ast.Raise) -> Any:
        if not isinstance(node.exc, ast.Call):
            self._no(node, "raise")
        return ast.Expr(call("fail", self.visit(node.exc.args[0])))

    def visit_Expr(self, node: ast.Expr) -> Any:
        value = node.value
        if isinstance(value, ast.Constant) and isinstance(value.value, str):
            return None
        if isinstance(value, ast.Yield):
            return ast.Expr(call("yielded.append", self.visit(value.value or ast.Constant(None))))
        if isinstance(value, ast.YieldFrom):
            return ast.Expr(call("yielded.extend", self.visit(value.value)))
        return ast.Expr(self.visit(value))

    def generic_visit(self, node: ast.AST) -> Any:
        if isinstance(node, _UNKNOWN):
            self._no(node, type(node).__name__)
        return super().generic_visit(node)
