"""What all methods have in common, whatever they condense."""

from abc import ABC
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Generic, TypeVar, cast

from graphcond.core.settings import built, by_name


class Method(ABC):
    """A way to condense a dataset.

    A method is a frozen keyword-only dataclass: a field per hyper-parameter, checked at construction, so that its
    ``repr`` is the experiment record. It is called under a seeded random state and never reads ``task.test``.
    """

    name: ClassVar[str]
    stepwise: ClassVar[bool] = False
    """Whether it works in steps, between which it can be stopped and resumed."""

    @property
    def sized(self) -> bool:
        """Whether it needs to be told a size; a method that does not may be told one all the same, or refuse it."""
        return True

    @property
    def label(self) -> str:
        """The name that ``condense(method=...)`` takes for the method in this variant."""
        return self.name


M = TypeVar("M", bound=Method)


@dataclass(frozen=True, kw_only=True)
class MethodTable(Mapping[str, Callable[[], M]], Generic[M]):
    """The methods of one modality: what makes each, by its name.

    Args:
        base: The class of all its methods.
        classes: One for each file; the class's ``name`` is the method's.
        variants: Further names, each with what makes the method and a line that describes it.
        nested: Dataclasses whose values may be settings of a method, such as ``gcond(structure=NoEdges())``.
        of: What the methods are for, in messages, such as ``" for graphs"``.
        example: A method, in messages, such as ``"a method for graphs such as Mirage()"``.
    """

    base: type
    classes: tuple[type[M], ...]
    variants: Mapping[str, tuple[Callable[[], M], str]] = field(default_factory=dict)
    nested: tuple[type, ...] = ()
    of: str = ""
    example: str

    def __getitem__(self, name: str) -> Callable[[], M]:
        """Return what makes the method of a name."""
        if name in self.variants:
            return self.variants[name][0]
        for one in self.classes:
            if one.name == name:
                return one
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        """Yield the names, those of classes first."""
        return iter(dict.fromkeys([*(one.name for one in self.classes), *self.variants]))

    def __len__(self) -> int:
        """Return how many names there are."""
        return len(list(iter(self)))

    def resolve(self, method: object) -> M:
        """Return the method of a text such as ``"gcond(inner_steps=10)"``, or the given method itself.

        Raises:
            ValueError: there is no method of that name in this table; the message names the nearest.
            TypeError: neither a name nor a method of this table.
        """
        if isinstance(method, self.base):
            return cast("M", method)
        if not isinstance(method, str):
            raise TypeError(f"method must be a name or {self.example}, got {type(method).__name__}")
        return built(method, self, by_name(self.nested), "method", self.of)

    def lines(self) -> dict[str, str]:
        """Return the name of every method, sorted, and the first line of its description."""
        lines = {one.name: (one.__doc__ or "").strip().splitlines()[0] for one in self.classes}
        return dict(sorted((lines | {name: line for name, (_, line) in self.variants.items()}).items()))
