"""Keyword arguments that people know from other libraries, answered with the word to use."""

import difflib
import functools
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import ParamSpec, TypeVar

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")

LONGEST = 40  # characters of a value that is shown

SEED = dict.fromkeys(("random_state", "random_seed"), "seed={}")
PROGRESS = dict.fromkeys(("verbose", "progress"), "run=Run(progress={})")
LIMITS = {
    "checkpoint": "run=Run(checkpoint={})",
    **dict.fromkeys(("max_seconds", "timeout"), "run=Run(max_seconds={})"),
}
MEMORY = {"memory": "run=Run(memory={})"}

READING = {
    "split": "graphcond.read(dataset, split={}) in place of the dataset",
    "inductive": "graphcond.read(dataset, inductive={}) in place of the dataset",
    "target": "graphcond.read(dataset, target={}) in place of the dataset",
    "features": "graphcond.read(dataset, features={}) in place of the dataset",
    "node_type": "graphcond.read(dataset, node_type={}) in place of the dataset",
}
"""How a dataset is read, which a task knows."""

SIZES = {
    **dict.fromkeys(("num_nodes", "num_graphs", "num_images", "users", "n_samples", "num_samples"), "size={}"),
    **dict.fromkeys(
        ("nodes_per_class", "graphs_per_class", "images_per_class", "samples_per_class", "per_class", "ipc"),
        "size='{}/class'",
    ),
    **dict.fromkeys(("max_bytes", "num_bytes"), "size='{}B'"),
    "ratio_of": "size=Size.ratio(0.05, of={})",
    "reduction_rate": "ratio={}",
    "reduction_ratio": "ratio={}",
    "fraction": "ratio={}",
    "interactions": "recsys.condense(dataset, interactions={})",
}
"""How large the result shall be."""


def answers(
    words: Mapping[str, str], called: str = ""
) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Return a decorator: a keyword argument that a function does not have is answered with what to write.

    Args:
        words: What to write for a known word, where ``{}`` stands for the value that was given.
        called: What the function is called in messages; by default its name.

    >>> @answers({"random_state": "seed={}"})
    ... def draw(seed: int = 0) -> int:
    ...     return seed
    >>> draw(random_state=3)
    Traceback (most recent call last):
    TypeError: draw() takes no random_state=; write seed=3
    """

    def decorated(function: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        parameters = inspect.signature(function).parameters
        name_of_call = called or function.__name__
        placed = [name for name, one in parameters.items() if one.kind is not inspect.Parameter.KEYWORD_ONLY]

        @functools.wraps(function)
        def call(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            if len(args) > len(placed):
                first = ", ".join(one for one in placed if one != "self") or "nothing"
                named = ", ".join(f"{name}=" for name in parameters if name not in placed)
                raise TypeError(
                    f"{name_of_call}() takes {first} without a name, got {len(args) - ('self' in placed)} arguments; "
                    f"name the others: {named}"
                )
            for name, value in kwargs.items():
                if name not in parameters:
                    remedy = _remedy(name, value, words, [one for one in parameters if one != "self"])
                    raise TypeError(f"{name_of_call}() takes no {name}=; {remedy}")
            return function(*args, **kwargs)

        return call

    return decorated


def _remedy(name: str, value: object, words: Mapping[str, str], parameters: Sequence[str]) -> str:
    if name in words:
        # A number of items is shown as it was given; nothing, or a text, would not make an expression.
        shown = repr(value) if "'{}" not in words[name] or isinstance(value, int | float) else "..."
        return f"write {words[name].format('...' if value is None or len(shown) > LONGEST else shown)}"
    near = difflib.get_close_matches(name, parameters, n=1, cutoff=0.7)
    if not near and (word := difflib.get_close_matches(name, words, n=1, cutoff=0.85)):
        return f"did you mean {words[word[0]].format('...')}?"
    return f"did you mean {near[0]}=?" if near else f"its arguments are {', '.join(parameters)}"
