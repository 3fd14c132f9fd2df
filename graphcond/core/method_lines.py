"""What methods are there, read from their source: a list of them should not wait until all they use is imported."""

import ast
from importlib.util import find_spec
from pathlib import Path


def method_lines(package: str) -> dict[str, str]:
    """Return what ``METHODS.lines()`` of a package of methods returns, without importing it.

    Each method's name and the first line of its description, by name. The package assigns a call of ``MethodTable`` to
    ``METHODS``, whose ``classes`` it imports from its modules; the text of each of its ``variants`` is a plain string.

    Args:
        package: Such as ``"graphcond.nodes.methods"``.

    >>> method_lines("graphcond.nodes.methods")["gcdm_x"]
    'GCDM without edges.'
    """
    tree = _parsed(f"{package}.__init__")
    homes = {
        alias.name: line.module
        for line in tree.body
        if isinstance(line, ast.ImportFrom) and line.module is not None
        for alias in line.names
    }
    parts = _keywords(tree)
    classes = [*_elements(parts["classes"]), *_decorators(parts.get("decorators"))]
    lines = dict(_class_line(homes[ast.unparse(one)], ast.unparse(one)) for one in classes)
    if isinstance(variants := parts.get("variants"), ast.Dict):
        for name, value in zip(variants.keys, variants.values, strict=True):
            assert name is not None
            lines[ast.literal_eval(name)] = ast.literal_eval(_elements(value)[1])
    return dict(sorted(lines.items()))


def _parsed(module: str) -> ast.Module:
    top, *parts = module.split(".")
    found = find_spec(top)  # asked for a module below, it would import what is above that
    assert found is not None
    assert found.origin is not None
    return ast.parse(Path(found.origin).parent.joinpath(*parts).with_suffix(".py").read_text("utf-8"))


def _keywords(tree: ast.Module) -> dict[str | None, ast.expr]:
    """Return the keyword arguments of the call whose result is ``METHODS``."""
    for line in tree.body:
        if isinstance(line, ast.Assign) and ast.unparse(line.targets[0]) == "METHODS":
            assert isinstance(line.value, ast.Call)
            return {keyword.arg: keyword.value for keyword in line.value.keywords}
    raise AssertionError("a package of methods has no METHODS")


def _elements(value: ast.expr) -> list[ast.expr]:
    assert isinstance(value, ast.Tuple)
    return value.elts


def _decorators(value: ast.expr | None) -> list[ast.expr]:
    """Return the classes of the decorators that are for the modality: those with something else than ``None``."""
    if not isinstance(value, ast.Dict):
        return []
    return [key for key, needed in zip(value.keys, value.values, strict=True) if key and ast.unparse(needed) != "None"]


def _class_line(module: str, name: str) -> tuple[str, str]:
    """Return the name of a method and the first line of its class's docstring."""
    found = next(line for line in _parsed(module).body if isinstance(line, ast.ClassDef) and line.name == name)
    values = {ast.unparse(line.target): line.value for line in found.body if isinstance(line, ast.AnnAssign)}
    called = values["name"]
    assert called is not None
    return ast.literal_eval(called), (ast.get_docstring(found) or "").splitlines()[0]
