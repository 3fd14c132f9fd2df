"""Values written as text, such as ``gcond(inner_steps=10, structure=NoEdges())``: read without running anything."""

import ast
import dataclasses
import types
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from graphcond.core.fields import is_number, is_whole
from graphcond.core.names import named

V = TypeVar("V")
PLAIN = (bool, int, float, str, types.NoneType)
UNREADABLE = object()  # an expression that would have to be run
Classes = Mapping[str, type]
AS_TEXT: Mapping[str, bool] = {"as text": True}
"""Marks a dataclass's field whose value, in a text, stays a text that is read later."""


def by_name(classes: Iterable[type]) -> Classes:
    """Return classes by their names."""
    return {one.__name__: one for one in classes}


def built(text: str, known: Mapping[str, Callable[..., V]], classes: Classes, what: str, of: str = "") -> V:
    """Return what a text stands for: a name, with settings in parentheses where some differ from the defaults.

    Args:
        text: Such as ``"gcond"`` or ``"gcond(inner_steps=10)"``.
        known: What makes a value, by name: dataclasses, or ``partial`` of them.
        classes: Dataclasses whose values may be settings (:func:`by_name`).
        what: What kind of thing it is, such as ``"method"``.
        of: What it is for, such as ``" for graphs"``.

    Raises:
        ValueError: the text cannot be read, there is nothing of that name, or no such setting; the message names the
            nearest.
        TypeError: a setting has the wrong type.

    >>> from dataclasses import dataclass
    >>> @dataclass
    ... class Window:
    ...     width: int = 2
    >>> built("window(width=3)", {"window": Window}, {}, "method")
    Window(width=3)
    """
    if "(" not in text:
        return named(text, known, what, of)()
    call = _parsed(text, what)
    assert isinstance(call.func, ast.Name)
    make = named(call.func.id, known, what, of)
    return make(**_settings(call, make.func if isinstance(make, partial) else make, classes))


def canonical(text: str) -> str:
    """Return a text that :func:`built` reads, written one way.

    >>> canonical('gcond( inner_steps = 10,)')
    'gcond(inner_steps=10)'
    """
    return ast.unparse(_parsed(text, "method")) if "(" in text else text.strip()


def with_settings(text: str, what: str, **settings: object) -> str:
    """Return a text that :func:`built` reads, with some settings in place of its own.

    Args:
        text: A name, perhaps with settings.
        what: What kind of thing it is, such as ``"protocol"``.
        **settings: The settings.

    Raises:
        ValueError: the text cannot be read.

    >>> with_settings("standard(epochs=9, runs=1)", "protocol", runs=5)
    'standard(epochs=9, runs=5)'
    """
    call = _parsed(text if "(" in text else f"{text}()", what)
    kept = [one for one in call.keywords if one.arg not in settings]
    added = [ast.keyword(arg=name, value=ast.Constant(value)) for name, value in settings.items()]  # type: ignore[arg-type]
    return ast.unparse(ast.Call(call.func, call.args, kept + added))


def _parsed(text: str, what: str) -> ast.Call:
    try:
        call = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        call = None
    if isinstance(call, ast.Call) and isinstance(call.func, ast.Name):
        return call
    raise ValueError(f"{what} {text!r} cannot be read; write a name, or name(setting=value, ...) in quotes")


def _settings(call: ast.Call, owner: object, classes: Classes) -> dict[str, Any]:
    """Return the keyword arguments of a call, each of the type that its owner's field has."""
    assert isinstance(call.func, ast.Name)
    name = call.func.id
    fields = {one.name: one for one in dataclasses.fields(owner) if one.init}  # type: ignore[arg-type]
    hints = get_type_hints(owner)
    if call.args or any(one.arg is None for one in call.keywords):
        raise ValueError(f"the settings of {name} are given by their names, such as {name}({_example(fields)}=...)")
    values: dict[str, Any] = {}
    for keyword in call.keywords:
        assert keyword.arg is not None
        if not fields:
            raise ValueError(f"{name} has no settings, got {keyword.arg}; write {name}")
        field = named(keyword.arg, fields, "setting", f" of {name}").name
        if field in values:
            raise ValueError(f"{field} of {name} is given twice; give it once")
        if fields[field].metadata == AS_TEXT:
            values[field] = _text(keyword.value)
            continue
        values[field] = _value(keyword.value, classes, f"{field} of {name}")
        if not _fits(values[field], hints[field]):
            expected, given = _described(hints[field], classes), ast.unparse(keyword.value)
            raise TypeError(f"{field} of {name} must be {expected}, got {given}")
    return values


def _text(node: ast.expr) -> str:
    """Return an expression as a text; a text itself."""
    quoted = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return str(ast.literal_eval(node)) if quoted else ast.unparse(node)


def _example(fields: Mapping[str, object]) -> str:
    return next(iter(fields), "name")


def _value(node: ast.expr, classes: Classes, where: str) -> Any:  # noqa: ANN401 (any setting)
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        owner = named(node.func.id, classes, "value", f" for {where}")
        return owner(**_settings(node, owner, classes))
    if isinstance(node, ast.Tuple | ast.List):
        return tuple(_value(one, classes, where) for one in node.elts)
    try:
        value = ast.literal_eval(node)
    except (ValueError, TypeError):
        value = ...
    return value if isinstance(value, PLAIN) else UNREADABLE


def _fits(value: object, hint: Any) -> bool:  # noqa: ANN401 (any annotation)
    """Return whether a value has the type that an annotation tells, as far as that can be seen."""
    kind = get_origin(hint)
    if value is UNREADABLE:
        return False
    if kind in (Union, types.UnionType):
        return any(_fits(value, one) for one in get_args(hint))
    if kind is Literal:
        return value in get_args(hint)
    if kind is tuple:
        inner = [one for one in get_args(hint) if one is not ...]
        return isinstance(value, tuple) and all(any(_fits(part, one) for one in inner) for part in value)
    if hint in (int, float):
        return is_whole(value) if hint is int else is_number(value)
    if not isinstance(hint, type) or not getattr(hint, "_is_runtime_protocol", True):
        return not isinstance(value, (*PLAIN, tuple))
    return isinstance(value, hint)


def _described(hint: Any, classes: Classes) -> str:  # noqa: ANN401 (any annotation)
    kind = get_origin(hint)
    if kind in (Union, types.UnionType):
        return " or ".join(filter(None, (_described(one, classes) for one in get_args(hint))))
    if kind is Literal:
        return f"one of {', '.join(map(repr, get_args(hint)))}"
    if kind is tuple:
        return f"a tuple, each {_described(get_args(hint)[0], classes)}"
    names = {int: "a whole number", float: "a number", bool: "True or False", str: "a text", types.NoneType: "None"}
    return names.get(hint) or " or ".join(f"{name}(...)" for name, one in classes.items() if _makes(one, hint))


def _makes(owner: type, hint: Any) -> bool:  # noqa: ANN401 (any annotation)
    """Return whether values of a class have the type that an annotation tells; protocols tell of values only."""
    try:
        return _fits(owner(), hint)
    except TypeError:  # it needs settings
        return False
