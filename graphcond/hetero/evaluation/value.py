"""How condensed heterogeneous graphs are evaluated: what the evaluation of these has of its own."""

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor
from torch_geometric.data import HeteroData

from graphcond.core.evaluation.candidates import Candidate, Extent, Given
from graphcond.core.evaluation.controls import Control, Prior, Selection, Whole, check_metric
from graphcond.core.evaluation.evaluation import Evaluation
from graphcond.core.evaluation.protocols import Protocols
from graphcond.core.evaluation.setting import Setting
from graphcond.core.runtime.randomness import seeded
from graphcond.core.size import Size
from graphcond.hetero.contents import learned, tensors_by_name
from graphcond.hetero.evaluation.fit import check_fit, fitted, given_hetero, read_task
from graphcond.hetero.evaluation.models import HETERO_MODELS, HeteroKind, check_call, hetero_models
from graphcond.hetero.evaluation.protocol import HETERO_PROTOCOLS, HeteroProtocol
from graphcond.hetero.evaluation.training import schema_of, train, training_data, whole_data
from graphcond.hetero.methods import METHODS
from graphcond.hetero.methods.base import HeteroMethod
from graphcond.hetero.modality import allocation_of, as_data
from graphcond.hetero.task import HeteroTask
from graphcond.nodes.evaluation.value import differ

METHOD_CONTROLS = ("class_mean", "random", "random_soft", "herding", "k_center")
HETERO_CONTROLS: dict[str, Control] = {
    "prior": Prior(),
    **{name: Selection(METHODS.resolve(name)) for name in METHOD_CONTROLS},
    "whole": Whole(),
}
DEFAULT = "sage"
STRUCTURE_FREE = [name for name, kind in HETERO_MODELS.items() if not kind.structure]


def _check_models(setting: Setting, kinds: dict[str, HeteroKind], own: Candidate) -> None:
    """Raise, before any work, if a network cannot be made or called."""
    check_metric(setting)
    schema = schema_of(setting)
    with seeded(0):  # so is a network that cannot be made; weights are drawn
        for name, kind in kinds.items():
            model = kind.build(schema, setting.protocol).eval()
            if kind not in HETERO_MODELS.values():
                check_call(name, model.to(setting.device), schema, setting.device)


def _refusal(name: str, kind: HeteroKind, candidate: Candidate) -> str:
    """Return why a model that reads relations is not trained on a set without; empty if it can be."""
    if not kind.structure or all(data.edge_types for data in candidate.sets):
        return ""
    return f"not possible: {name} reads relations, and the set has none, only features; use {STRUCTURE_FREE[0]!r}"


def _usual_model(several: Sequence[Given]) -> str:
    """Return the name of the model that is trained where none is named: one that reads what there is."""
    return DEFAULT if any(one.data.edge_types for one in several) else STRUCTURE_FREE[0]


def _carries_own(_: HeteroKind, several: Sequence[HeteroData]) -> bool:
    """Return whether any of several sets has soft labels, or weights that are not all the same."""
    stores = [store for data in several for store in data.stores]
    return any(
        "y_soft" in store or differ(store.get("node_weight")) or differ(store.get("edge_weight")) for store in stores
    )


def _control_size(task: HeteroTask, one: Given) -> Tensor:
    """Return the number of labelled nodes of each class, at least one; or of each stratum, shared out among them."""
    y = task.targets.read(learned(one.data)["y"])
    if y.dim() == 1:
        return torch.bincount(y[y >= 0], minlength=task.num_classes).clamp(min=1)
    count = int((~y.isnan()).any(dim=1).sum())
    return allocation_of(Size.count(count), task.graph.num_labelled, task.stratified(count).class_counts)


def _condense(method: HeteroMethod, task: HeteroTask) -> Callable[[Tensor], HeteroData]:
    def condense(sizes: Tensor) -> HeteroData:
        made = method.condense(task.stratified(int(sizes.sum())), sizes)
        return as_data(made, task.targets, task.graph.node_type)

    return condense


def _extent(data: HeteroData) -> Extent:
    """Return the labelled nodes that are learned from, the edges of all relations, and the bytes of everything."""
    edges = sum(data[relation].edge_index.size(1) for relation in data.edge_types)
    return Extent(len(learned(data)["y"]), edges, _bytes(tensors_by_name(data).values()))


def _whole_extent(task: HeteroTask) -> Extent:
    graph = task.graph
    y = graph.y if graph.targets is None else graph.targets
    return Extent(graph.num_labelled, graph.num_edges, _bytes([*graph.x.values(), *graph.edges.values(), y]))


def _bytes(values: Iterable[Tensor]) -> int:
    return sum(value.numel() * value.element_size() for value in values)


HETERO_EVALUATION = Evaluation(
    modality="hetero",
    protocols=Protocols(kind=HeteroProtocol, known=HETERO_PROTOCOLS, of=" for heterogeneous graphs"),
    models=hetero_models,
    default_model=DEFAULT,
    usual_model=_usual_model,
    kept=HETERO_MODELS,
    controls=HETERO_CONTROLS,
    usual=tuple(HETERO_CONTROLS),
    read=read_task,
    given=given_hetero,
    fitted=fitted,
    check=check_fit,
    check_models=_check_models,
    training_data=training_data,
    whole_data=whole_data,
    train=train,
    carries_own=_carries_own,
    refusal=_refusal,
    control_size=_control_size,
    condense=_condense,
    extent=_extent,
    whole_extent=_whole_extent,
    test_labels=lambda task: task.test.learned,
)
