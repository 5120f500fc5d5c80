"""Which small mistakes could be in a module: a comparison off by one, a sign, a lost call, a missing leg, ...?"""

import ast
from collections.abc import Iterator
from copy import deepcopy
from typing import NamedTuple

_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_CALCULATED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}
_CALLED = {"min": "max", "max": "min", "any": "all", "all": "any", "debit": "credit", "credit": "debit"}


class Mutant(NamedTuple):
    """One mistake: where it is, what it is, and the module with it."""

    line: int
    what: str
    source: str


def mutants(source: str) -> Iterator[Mutant]:
    """Every mistake of a module, one at a time. Assertions and texts are left alone: they move no money."""
    tree = ast.parse(source)
    for at, node in enumerate(ast.walk(tree)):
        for what, change in _changes(node):
            mutated = deepcopy(tree)
            change(next(other for place, other in enumerate(ast.walk(mutated)) if place == at))
            text = ast.unparse(ast.fix_missing_locations(mutated))
            if not _is_asserted(tree, node):
                yield Mutant(getattr(node, "lineno", 0), what, text)


def _is_asserted(tree: ast.AST, node: ast.AST) -> bool:
    """Whether it stands in an assertion, which only says what holds anyway."""
    return any(isinstance(one, ast.Assert) and node in list(ast.walk(one)) for one in ast.walk(tree))


def _changes(node: ast.AST):  # type: ignore[no-untyped-def]  # pairs of a text and what changes such a node
    match node:
        case ast.Compare(ops=[operator]) if type(operator) in _COMPARED:
            other = _COMPARED[type(operator)]
            yield (
                f"{type(operator).__name__} is {other.__name__}",
                lambda one: one.ops.__setitem__(0, other()),
            )
        case ast.BinOp(op=operator) if type(operator) in _CALCULATED:
            changed = _CALCULATED[type(operator)]
            yield (
                f"{type(operator).__name__} is {changed.__name__}",
                lambda one: setattr(one, "op", changed()),
            )
        case ast.BoolOp(op=ast.And()):
            yield "and is or", lambda one: setattr(one, "op", ast.Or())
        case ast.BoolOp(op=ast.Or()):
            yield "or is and", lambda one: setattr(one, "op", ast.And())
        case ast.UnaryOp(op=ast.USub()):
            yield "a minus is lost", lambda one: setattr(one, "op", ast.UAdd())
        case ast.Call(func=ast.Name(id=name)) if name in _CALLED:
            yield f"{name} is {_CALLED[name]}", lambda one: setattr(one.func, "id", _CALLED[name])
            if name in ("debit", "credit"):
                yield (
                    "a leg is of another amount",
                    lambda one: one.args.__setitem__(slice(1, None), [ast.Constant("lost")]),
                )
        case ast.Expr(value=ast.Call()):
            yield "a call is lost", lambda one: setattr(one, "value", ast.Constant(None))
        case ast.If():
            yield "a case is never met", lambda one: setattr(one, "test", ast.Constant(False))
            yield "a case is always met", lambda one: setattr(one, "test", ast.Constant(True))
        case ast.Tuple(elts=elements, ctx=ast.Load()) if len(elements) > 1 and isinstance(
            elements[0], ast.Call
        ):
            yield "the first of several is lost", lambda one: one.elts.pop(0)
