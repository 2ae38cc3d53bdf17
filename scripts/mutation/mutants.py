"""Which mutants a module has: each a copy of its syntax tree with one node changed.

A mutant is named by the function it is in, by what the node said and what it says now, and by which of several equal
ones it is; never by a line, so that a list of equivalent mutants survives edits elsewhere.
"""

import ast
import copy
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

COMPARISONS = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
"""The boundary moved by one, and the whole turned round."""
SIGNS = {ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Add, ast.Mod: ast.FloorDiv}
FUNCTIONS = {
    "mul_div": ("mul_div_up",),
    "mul_div_up": ("mul_div",),
    "bps_down": ("bps_up",),
    "bps_up": ("bps_down",),
    "div_up": ("div_half_up",),
    "div_half_up": ("div_up", "_floor"),
    "min": ("max",),
    "max": ("min",),
}
"""A named rounding becomes its opposite; half up becomes both up and down."""
PRELUDE = (
    "from keeper.units import bps_down, bps_up, div_half_up, div_up, mul_div, mul_div_up\n_floor = int.__floordiv__\n"
)
"""What a mutant may name though the module does not."""


@dataclass(frozen=True)
class Mutant:
    """One changed copy of a module's source."""

    where: str
    was: str
    became: str
    nth: int
    source: str

    @property
    def name(self) -> tuple[str, str, str, int]:
        """What a list of equivalent mutants calls it."""
        return self.where, self.was, self.became, self.nth


def mutants(source: str) -> Iterator[Mutant]:
    """Yield every mutant of a module, in the order of its text."""
    tree = ast.parse(source)
    seen: Counter[tuple[str, str, str]] = Counter()
    for place, (where, node) in enumerate(_nodes(tree)):
        for changed in _changes(node):
            name = (where, ast.unparse(node), ast.unparse(changed))
            seen[name] += 1
            yield Mutant(*name, seen[name], _with(tree, place, changed))


def _nodes(tree: ast.Module) -> list[tuple[str, ast.expr]]:
    """Every expression that runs, with the function it is in; not annotations, and not text."""
    found: list[tuple[str, ast.expr]] = []

    def visit(node: ast.AST, where: str) -> None:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            for child in node.body:
                visit(child, node.name)
            return

        if isinstance(node, ast.AnnAssign):
            if node.value is not None:
                visit(node.value, where)
            return

        if isinstance(node, ast.expr):
            found.append((where, node))

        for child in ast.iter_child_nodes(node):
            visit(child, where)

    visit(tree, "module")
    return found


def _changes(node: ast.expr) -> Iterator[ast.expr]:
    yield from _changed_operation(node)
    yield from _changed_value(node)


def _changed_operation(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            for other in COMPARISONS[type(op)]:
                yield _replaced(node, ops=[other()])
        case ast.BinOp(op=ast.FloorDiv()):
            yield ast.UnaryOp(ast.USub(), ast.BinOp(ast.UnaryOp(ast.USub(), node.left), node.op, node.right))
        case ast.BinOp(op=op) if type(op) in SIGNS:
            yield _replaced(node, op=SIGNS[type(op)]())
        case ast.BoolOp(op=op):
            yield _replaced(node, op=ast.Or() if isinstance(op, ast.And) else ast.And())
        case ast.Call(func=ast.Name(id=name)) if name in FUNCTIONS:
            for other in FUNCTIONS[name]:
                yield _replaced(node, func=ast.Name(other, ast.Load()))


def _changed_value(node: ast.expr) -> Iterator[ast.expr]:
    match node:
        case ast.IfExp():
            yield _replaced(node, test=ast.UnaryOp(ast.Not(), node.test))
        case ast.UnaryOp(op=ast.Not()):
            yield node.operand
        case ast.Attribute(value=ast.Name(id="rules")):
            yield ast.UnaryOp(ast.Not(), node)
        case ast.Constant(value=bool(value)):
            yield ast.Constant(not value)
        case ast.Constant(value=int(value)):
            yield ast.Constant(value + 1)
            if value > 0:
                yield ast.Constant(value - 1)
        case ast.Name(id=name, ctx=ast.Load()) if name.isupper() and len(name) > 1:
            yield ast.BinOp(node, ast.Add(), ast.Constant(1))
            yield ast.BinOp(node, ast.Sub(), ast.Constant(1))


def _replaced(node: ast.expr, **fields: object) -> ast.expr:
    changed = copy.deepcopy(node)
    for name, value in fields.items():
        setattr(changed, name, value)

    return changed


def _with(tree: ast.Module, place: int, changed: ast.expr) -> str:
    """The module's source with the node at a place replaced."""
    whole = copy.deepcopy(tree)
    target = _nodes(whole)[place][1]

    class Swap(ast.NodeTransformer):
        def visit(self, node: ast.AST) -> ast.AST:
            return changed if node is target else self.generic_visit(node)

    return PRELUDE + ast.unparse(ast.fix_missing_locations(Swap().visit(whole)))
