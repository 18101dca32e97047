"""From a tree to its value."""
import math
import operator

from .nodes import Binary, Call, Name, Number, Unary
from .parser import parse
from .tokens import CalcError

BINARY = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
    "%": operator.mod,
    "^": operator.pow,
}

FUNCTIONS = {"sqrt": math.sqrt, "min": min, "max": max, "abs": abs}


def value_of(node, names):
    if isinstance(node, Number):
        return node.value
    if isinstance(node, Name):
        if node.name not in names:
            raise CalcError("%s has no value" % node.name)
        return names[node.name]
    if isinstance(node, Unary):
        return -value_of(node.operand, names)
    if isinstance(node, Call):
        if node.name not in FUNCTIONS:
            raise CalcError("there is no function %s" % node.name)
        return FUNCTIONS[node.name](*[value_of(a, names) for a in node.arguments])
    assert isinstance(node, Binary)
    left = value_of(node.left, names)
    right = value_of(node.right, names)
    try:
        return BINARY[node.operator](left, right)
    except ZeroDivisionError:
        raise CalcError("division by zero")


def evaluate(text, **names):
    """Return the value of an expression in which `names` have values."""
    return value_of(parse(text), names)
