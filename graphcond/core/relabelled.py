"""Another method's synthetic data with a teacher's labels."""

from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass, field, replace
from typing import Any, ClassVar, Protocol

from graphcond.core.fields import is_whole, require_positive
from graphcond.core.method import Method, MethodTable
from graphcond.core.run_context import RunContext
from graphcond.core.runtime.randomness import future_seed, seeded
from graphcond.core.settings import AS_TEXT
from graphcond.core.targets import Targets


class Labelling(Protocol):
    """How labels are asked for."""

    @property
    def temperature(self) -> float:
        """The teacher's calibrated outputs are divided by it."""
        ...

    @property
    def crops(self) -> int:
        """Random crops of each item that are labelled too."""
        ...


def _anything(_: object) -> None:
    """Take any size."""


@dataclass(frozen=True)
class Labeller:
    """How a modality relabels synthetic data.

    Args:
        label: ``(task, result, labelling)``: returns what a method made with a teacher's soft labels. It is called
            under a seeded random state of its own.
        check: Raises if a size, as methods of the modality take it, cannot be kept.
        crops: Whether items have crops.
    """

    label: Callable[[Any, Any, Labelling], Any]
    check: Callable[[Any], None] = _anything
    crops: bool = False


@dataclass(frozen=True)
class Relabelled(Method):
    """Another method's synthetic data with a teacher's soft labels.

    Much of what condensed data are worth lies in soft labels (Qin et al., NeurIPS 2024), and real data with a teacher's
    are hard to beat (Ben-Baruch et al., ICML 2025). This gives any method the same labels, so that methods are compared
    by their items. Items, their classes ``y``, weights and a learned learning rate stay as the method made them; soft
    labels (``y_soft``) are the teacher's, those that the method made (and ``target``) are dropped. The teacher is
    trained on the training items once the method is done, whatever that drew, and also where it ran out of time:

    - nodes: ridge regression on propagated features (:mod:`graphcond.nodes.teacher`). A node that stands for one
      original node has the label of that one in the original graph. Others are labelled in the synthetic graph, whose
      features are propagated like those of the original. Without edges features are taken as they are, because methods
      without edges make propagated features.
    - heterogeneous graphs: ridge regression on what meta-paths bring (:mod:`graphcond.hetero.teacher`). A node has the
      mean scores of the original nodes behind it.
    - graphs: a linear model on colour counts (:mod:`graphcond.graphs.teacher`). A graph that stands for training graphs
      has their mean outputs. Others are counted; of free features, a node counts as the training node nearest to it.
    - images: a convolutional network (:mod:`graphcond.images.teacher`). Of an image of tiles, the label is the mean
      over its tiles.

    Probabilities of classes, probabilities of several labels, or the teacher's numbers: what the dataset's targets are.

    Args:
        method: The method, by its name or as a value; in a text, such as ``"relabelled(method=dc(steps=9))"``.
        temperature: What the teacher's outputs are divided by before the softmax, once they are calibrated on
            validation data; above 1, labels say more of what an item resembles. Numbers have none, and neither have
            labels of nodes, which a regression predicts as probabilities.
        crops: So many random crops of each image are labelled too: ``small.images()`` gives them, resized, after the
            images. Their boxes and labels count as bytes. Only images have crops.
    """

    name: ClassVar[str] = "relabelled"
    method: str | Method = field(default="auto", metadata=AS_TEXT)
    _: KW_ONLY
    temperature: float = 1.0
    crops: int = 0

    def __post_init__(self) -> None:
        """Check the fields."""
        require_positive(self, but=("crops",))
        if not is_whole(self.crops):
            raise TypeError(f"crops must be a whole number, got {self.crops!r}")
        if not isinstance(self.method, str | Method):
            raise TypeError(f"method must be a method's name or value, got {self.method!r}; write Relabelled('random')")

    def over(self, table: MethodTable[Any]) -> "Relabelled":
        """See :meth:`Method.over`.

        Raises:
            ValueError: the table's items have no labels, or no crops; there is no such method, or it reads no labels.
        """
        labeller: Labeller | None = table.decorators.get(Relabelled)
        if labeller is None:
            raise ValueError(f"method='relabelled' is for what has labels, and there are none{table.of}; leave it out")
        if self.crops and not labeller.crops:
            raise ValueError(f"crops={self.crops} is for images; leave it out")
        bound = replace(self, method=table.resolve(self.method))
        if bound.wrapped.label_free:
            name = bound.wrapped.name
            raise ValueError(
                f"method={name!r} reads no labels, so that there are none to replace; leave 'relabelled' out"
            )
        object.__setattr__(bound, "_labeller", labeller)
        return bound

    @property
    def wrapped(self) -> Any:  # noqa: ANN401 (a method of any modality)
        """The method whose data are relabelled, which a table has found.

        Raises:
            TypeError: only its name is known, so that it is not clear of which modality it is.
        """
        if isinstance(self.method, str):
            raise TypeError(f"{self!r} is not a method yet: a modality's table has to resolve it")
        return self.method

    @property
    def inner(self) -> Method:
        """See :attr:`Method.inner`."""
        found: Method = self.wrapped.inner
        return found

    def called(self, name: str) -> str:
        """See :meth:`Method.called`."""
        return f"relabelled({self.wrapped.called(name)})"

    @property
    def resumable(self) -> bool:  # type: ignore[override]  # of the method, as are the others
        """See :class:`Method`."""
        return bool(self.wrapped.resumable)

    @property
    def on_device(self) -> bool:  # type: ignore[override]
        """See :class:`Method`."""
        return bool(self.wrapped.on_device)

    @property
    def chooses_on_validation(self) -> bool:  # type: ignore[override]
        """See :class:`Method`."""
        return bool(self.wrapped.chooses_on_validation)

    @property
    def targets(self) -> tuple[type[Targets], ...]:  # type: ignore[override]
        """See :class:`Method`."""
        found: tuple[type[Targets], ...] = self.wrapped.targets
        return found

    @property
    def sized(self) -> bool:
        """See :class:`Method`."""
        return bool(self.wrapped.sized)

    @property
    def has_soft_labels(self) -> bool:
        """Whether its items have soft labels, whatever the method makes."""
        return True

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 (whatever a modality's methods have)
        """Return what methods of the modality say of themselves, such as ``reads_sparse`` of nodes."""
        method = self.__dict__.get("method")
        if name.startswith("_") or not isinstance(method, Method):
            raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")
        return getattr(method, name)

    def condense(self, task: Any, size: Any, run: RunContext = RunContext()) -> Any:  # noqa: ANN401 (of any modality)
        """Return what the method makes of a task, relabelled."""
        labeller: Labeller = self.__dict__["_labeller"]
        labeller.check(size)
        seed = future_seed()  # of where the run began: a run that goes on later has to draw the same
        result = self.wrapped.condense(task, size, run)
        with seeded(seed):
            return labeller.label(task, result, self)
