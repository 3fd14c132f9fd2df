"""What all methods have in common, whatever they condense."""

from abc import ABC
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, ClassVar, Generic, TypeVar, cast

from graphcond.core.fields import is_number
from graphcond.core.presets import settings_for
from graphcond.core.settings import built, by_name
from graphcond.core.targets import SingleLabel, Targets

M = TypeVar("M", bound="Method")


class Method(ABC):
    """A way to condense a dataset.

    A method is a frozen keyword-only dataclass: a field per hyper-parameter, checked at construction, so that its
    ``repr`` is the experiment record. It is called under a seeded random state and never reads ``task.test``.
    """

    name: ClassVar[str]
    resumable: ClassVar[bool] = False
    """Whether it works in steps: ``max_seconds`` can stop it between two of them, and a ``checkpoint`` resume it."""
    on_device: ClassVar[bool] = True
    """Whether its task is moved to the device of the call; if not, it is given the task on the CPU."""
    chooses_on_validation: ClassVar[bool] = False
    """Whether it needs validation data to choose on: if a dataset brings none, some training data are held out."""

    targets: ClassVar[tuple[type[Targets], ...]] = (SingleLabel,)
    """What may be learned of an item in the datasets that it condenses."""

    label_free: ClassVar[bool] = False
    """Whether it reads no label: what items learn is then made of the items themselves."""

    quick_settings: ClassVar[Mapping[str, Any]] = {}
    """Settings with which it takes a second on a few items, as in the tests of what all methods keep to.

    Those of a setting that is itself a value are a mapping; settings that a class does not have are left out.
    """

    presets: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Settings of its paper: those of ``"published"``, or by dataset."""

    @classmethod
    def preset(cls: type[M], name: str) -> M:
        """Return the method with its paper's settings, such as ``"published"`` or ``"cora"``, which may ask for a GPU.

        Raises:
            ValueError: there are none of that name; the message names the nearest.
        """
        return cls(**settings_for(cls.__name__, cls.presets, name))

    @property
    def sized(self) -> bool:
        """Whether it needs a size; a method that does not may take one all the same, or refuse it."""
        return True

    @property
    def inner(self) -> "Method":
        """The method itself; of one that changes what another makes, the other."""
        return self

    def over(self, table: "MethodTable[Any]") -> "Method":
        """Return the method as one of a table: itself, unless it names another method of it."""
        return self

    def called(self, name: str) -> str:
        """Return what it is called where :attr:`inner` has a name in its table."""
        return name


@dataclass(frozen=True, kw_only=True)
class MethodTable(Mapping[str, Callable[[], M]], Generic[M]):
    """The methods of one modality: what makes each, by its name.

    Args:
        base: The class of all its methods.
        classes: One for each file; the class's ``name`` is the method's.
        variants: Further names, each with what makes the method and a line that describes it.
        nested: Dataclasses whose values may be settings of a method, such as ``gcond(structure=NoEdges())``.
        decorators: Methods that change what another one makes, each with what it needs to know of the modality;
            ``None``: it is not for this one.
        of: What the methods are for, in messages, such as ``" for graphs"``.
        example: A method, in messages, such as ``"a method for graphs such as Mirage()"``.
    """

    base: type
    classes: tuple[type[M], ...]
    variants: Mapping[str, tuple[Callable[[], M], str]] = field(default_factory=dict)
    nested: tuple[type, ...] = ()
    decorators: Mapping[type[Method], Any] = field(default_factory=dict)
    of: str = ""
    example: str

    def __getitem__(self, name: str) -> Callable[[], M]:
        """Return what makes the method of a name."""
        if name in self.variants:
            return self.variants[name][0]
        decorators: tuple[Any, ...] = tuple(self.decorators)
        for one in (*self.classes, *decorators):
            if one.name == name:
                return cast("Callable[[], M]", one)
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
        found = built(method, self, by_name(self.nested), "method", self.of) if isinstance(method, str) else method
        if isinstance(found, Method) and isinstance((bound := found.over(self)).inner, self.base):
            return cast("M", bound)
        if isinstance(method, type) and issubclass(method, (self.base, *self.decorators)):
            raise TypeError(f"method must be a value, got the class {method.__name__}; write {method.__name__}()")
        given = f"the class {method.__name__}" if isinstance(method, type) else type(method).__name__
        raise TypeError(f"method must be a name or {self.example}, got {given}")

    def check_targets(self, method: Method, targets: Targets) -> None:
        """Raise if a method does not condense datasets with such targets.

        Raises:
            ValueError: it does not; the message names those that do.
        """
        if isinstance(targets, method.targets):
            return
        others = [name for name in self if isinstance(targets, self[name]().targets)]
        raise ValueError(
            f"method={self.name_of(method)!r} is not for {targets.described}; choose from {', '.join(others)}"
            if others
            else f"no method{self.of} is for {targets.described} yet"
        )

    def quick(self, name: str) -> M:
        """Return the method of a name with its class's ``quick_settings``, those that it has."""
        method = self[name]()
        return cast("M", _with(method, type(method).quick_settings))

    def name_of(self, method: Method) -> str:
        """Return the name of a method in this table: that of a variant, or that of its class.

        A variant is recognised by the settings in which it differs *in kind* from the defaults of its class: a flag or
        a text that is another, a value of another class, a number or a tuple that is there or not (``None``, 0 and
        ``()`` are not). Where a method has the kinds that a variant has in all the settings by which variants of this
        class are recognised, it has the variant's name, whatever its numbers are and its other settings.
        Otherwise, as for a mixture of two variants, it has the name of its class. A method that changes what another
        makes is called after both, such as ``relabelled(dc)``.

        >>> from graphcond import DC
        >>> from graphcond.images.augmentation import DIGITS
        >>> from graphcond.images.methods import METHODS
        >>> METHODS.name_of(DC(operations=DIGITS, steps=7)), METHODS.name_of(DC(operations=DIGITS, per_class=False))
        ('dsa', 'dc')
        """
        return method.called(self._name_of(method.inner))

    def _name_of(self, method: Method) -> str:
        own = type(method)
        variants = {name: made for name, (make, _) in self.variants.items() if type(made := make()) is own}
        known_by = sorted({path for variant in variants.values() for path in _differences(own(), variant)})
        kinds = [_kind_at(method, path) for path in known_by]
        for name, variant in variants.items():
            if kinds == [_kind_at(variant, path) for path in known_by]:
                return name
        return method.name

    def lines(self) -> dict[str, str]:
        """Return the name of every method, sorted, and the first line of its description."""
        decorators: list[Any] = [one for one, needed in self.decorators.items() if needed is not None]
        classes = (*self.classes, *decorators)
        lines = {one.name: (one.__doc__ or "").strip().splitlines()[0] for one in classes}
        return dict(sorted((lines | {name: line for name, (_, line) in self.variants.items()}).items()))


def _with(value: Any, settings: Mapping[str, Any]) -> Any:  # noqa: ANN401 (any dataclass)
    """Return a value with some settings changed, those that it has."""
    own = {field.name: getattr(value, field.name) for field in fields(value)}
    changed = {
        name: _with(own[name], new) if isinstance(new, Mapping) else new
        for name, new in settings.items()
        if name in own
    }
    return replace(value, **changed)


def _differences(first: object, second: object) -> Iterator[tuple[str, ...]]:
    """Yield the settings in which two values of one class differ in kind, each as the names that lead to it."""
    for one in fields(first):  # type: ignore[arg-type]  # of dataclasses
        mine, other = getattr(first, one.name), getattr(second, one.name)
        if is_dataclass(mine) and type(mine) is type(other):
            yield from ((one.name, *path) for path in _differences(mine, other))
        elif _kind(mine) != _kind(other):
            yield (one.name,)


def _kind_at(settings: object, path: tuple[str, ...]) -> object:
    for name in path:
        settings = getattr(settings, name, None)
    return _kind(settings)


def _kind(value: Any) -> object:  # noqa: ANN401 (any setting)
    """Return what tells apart values of different kinds, see :meth:`MethodTable.name_of`."""
    if value is None or isinstance(value, bool | str):
        return value
    return bool(value) if is_number(value) or isinstance(value, tuple) else type(value)
