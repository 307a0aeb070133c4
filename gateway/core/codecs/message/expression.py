"""JMESPath expressions of a device profile, compiled into places, and evaluated within bounds on messages of anybody.

A profile says `jmespath = true` where paths do not reach. An expression is walked node by node, which costs many times a
compiled path: `sluice check` says so. What takes more than ``MOST_STEPS`` steps, or fails otherwise, gives a value of no type.

Source: https://jmespath.org/specification.html
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any, Final

from jmespath.exceptions import JMESPathError, JMESPathTypeError
from jmespath.functions import Functions
from jmespath.parser import Parser
from jmespath.visitor import TreeInterpreter

from gateway.core.codecs.message.place import MISPLACED, Place

MOST_STEPS: Final = 4000
"""The most steps that one evaluation takes: of a list, about a thousand elements."""

_DEEPEST: Final = 50
_ELEMENTS_A_STEP: Final = 16  # to copy so many references takes no longer than one step
_FAILURES: Final = (JMESPathError, ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


class _TooLongError(Exception):
    """An evaluation that has taken all its steps."""


class _Bounded(TreeInterpreter):  # type: ignore[misc]  # the library brings no types
    """An interpreter that counts."""

    left = 0

    def visit(self, node: Mapping[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Return the value of a node."""
        self.left -= 1
        found = super().visit(node, *args, **kwargs)
        if type(found) is list:
            self.left -= len(found) // _ELEMENTS_A_STEP
        if self.left < 0:
            raise _TooLongError
        return found


def compile_expression(text: str, *, from_whole: bool) -> Place:
    """Compile an expression.

    Args:
        from_whole: Whether it is evaluated on the whole message where lists are read by element.
    Raises:
        ValueError: It is none, in words of one line.
    """
    tree = _parsed(text)
    _check(tree, 1)
    interpreter = _Bounded()

    def place(message: Any, whole: Any, _topic: str) -> Any:
        interpreter.left = MOST_STEPS
        try:
            return interpreter.visit(tree, whole if from_whole else message)
        except JMESPathTypeError as error:
            return None if error.actual_type == "null" else MISPLACED  # a function of what is absent
        except (_TooLongError, *_FAILURES):
            return MISPLACED

    return place


def _parsed(text: str) -> Mapping[str, Any]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # an outdated way to write a text is a mistake in a new file
            tree: Mapping[str, Any] = Parser().parse(text).parsed
    except (JMESPathError, RecursionError, ValueError, Warning) as error:
        said = "is nested too deep" if isinstance(error, RecursionError) else str(error).partition("\n")[0]
        raise ValueError(f"`{text}` is no JMESPath expression: {said}") from error
    return tree


def _check(node: Mapping[str, Any], depth: int) -> None:
    """Refuse what could only ever fail: too deep an expression, and functions that do not exist or take other arguments."""
    if depth > _DEEPEST:
        raise ValueError("is nested too deep for a JMESPath expression")
    children = [child for child in node["children"] if isinstance(child, Mapping)]
    if node["type"] == "function_expression":
        name, known = node["value"], Functions.FUNCTION_TABLE.get(node["value"])
        if known is None:
            raise ValueError(f"`{name}` is no function of JMESPath")
        signature = known["signature"]
        variadic = bool(signature and signature[-1].get("variadic"))
        if len(children) < len(signature) or (len(children) > len(signature) and not variadic):
            raise ValueError(f"`{name}` takes {len(signature)} argument{'s' * (len(signature) != 1)}{' or more' * variadic}")
    for child in children:
        _check(child, depth + 1)
