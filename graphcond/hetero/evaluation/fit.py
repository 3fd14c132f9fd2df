"""What is evaluated on a heterogeneous graph: condensations or a graph of the user's own, and whether it fits."""

from collections.abc import Sequence
from dataclasses import replace

from torch_geometric.data import HeteroData

from graphcond.condensed import CondensedDataset
from graphcond.core.evaluation.candidates import Given, records_of, several_of
from graphcond.core.evaluation.finite import require_finite_tensors
from graphcond.core.evaluation.provenance import check_same_split, check_same_target, check_same_training_data
from graphcond.core.record import Record
from graphcond.core.targets import Kind
from graphcond.hetero.checks import check_relation, holder, named
from graphcond.hetero.evaluation.views import Schema
from graphcond.hetero.format import tensors_by_name
from graphcond.hetero.reading import read_hetero, recorded_reading
from graphcond.hetero.task import HeteroTask
from graphcond.nodes.checks import check_features
from graphcond.nodes.evaluation.own_data import read_own_labels
from graphcond.nodes.sparse import dense

OWN = ("node_weight", "y_soft")
SAME = "evaluate on the dataset that was condensed"


def given_hetero(condensed: object) -> list[Given]:
    """Return condensations, or a graph of the user's own, as a list.

    Raises:
        TypeError: something else.
        ValueError: a condensation of something else.
    """
    if isinstance(condensed, HeteroData):
        return [Given(condensed)]
    expected = "what condense() returns, a HeteroData, or a sequence of the former"
    kept = several_of(condensed, CondensedDataset, expected)
    return [Given(one[0], one.record) for one in kept]


def read_task(dataset: object, records: Sequence[Record]) -> HeteroTask:
    """Return the task of a dataset, as it was condensed; a task stays as it was read.

    Raises:
        TypeError: the dataset has the wrong type.
        ValueError: the dataset has unusable values, or another split or type of nodes was condensed.
    """
    types = sorted({str(record.source["node_type"]) for record in records if "node_type" in record.source})
    if len(types) > 1:
        raise ValueError(f"condensed holds sets for the node types {named(types)}; evaluate each by itself")
    if isinstance(dataset, HeteroTask):
        check_same_split(records, dataset.split)
        if types and types[0] != (read := dataset.graph.node_type):
            raise ValueError(
                f"the labels of {types[0]!r} were condensed, and the dataset was read for those of {read!r}; pass "
                f"graphcond.read(dataset, node_type={types[0]!r})"
            )
        return dataset
    check_same_split(records, None)
    return read_hetero(dataset, **recorded_reading(dataset, records[0].source if records else {}))


def is_structure_free(data: HeteroData, node_type: str) -> bool:
    """Return whether a condensed graph holds labelled nodes alone, with the features that meta-paths bring them."""
    return not data.edge_types and data.node_types == [node_type]


def fitted(task: HeteroTask, one: Given) -> Given:
    """Return a graph of the user's own, checked, with targets as a task has them; a condensation stays as it is.

    Raises:
        TypeError: a tensor of the wrong type.
        ValueError: tensors with unusable values, other types than the task has, or no node to learn from.
    """
    if one.record is not None:
        return one
    schema = Schema.of(task.graph, task.targets.outputs)
    _check_types(one.data, schema)
    try:
        return replace(one, data=_read_own(one.data, schema, task.targets.kind))
    except (TypeError, ValueError) as error:
        raise type(error)(f"the condensed data cannot be trained on: {error}") from error


def _read_own(data: HeteroData, schema: Schema, kind: Kind) -> HeteroData:
    """Return a graph with float32 features, weights of all edges, checked targets and a mask of those to learn from."""
    result, counts = HeteroData(), {}
    for name in data.node_types:
        result[name].x = dense(check_features(data[name], holder(name)))
        counts[name] = result[name].x.size(0)
    for relation in data.edge_types:
        result[relation].edge_index, result[relation].edge_weight = check_relation(data[relation], relation, counts, [])
    mine, given = result[schema.node_type], data[schema.node_type]
    mine.y, mine.train_mask = read_own_labels(given, kind, counts[schema.node_type], holder(schema.node_type))
    for name in OWN:
        if given.get(name) is not None:
            mine[name] = given[name].float()
    return result


def check_fit(task: HeteroTask, several: Sequence[Given]) -> None:
    """Raise if a condensed graph has other types, features or classes than the task, or is of other training data.

    Raises:
        ValueError: it does, or there are no test nodes.
    """
    schema, mine = Schema.of(task.graph, task.targets.outputs), task.graph.node_type
    check_same_target(records_of(several), task.targets.source.get("target", task.targets.kind))
    for data in (one.data for one in several):
        _check_types(data, schema)
        require_finite_tensors(tensors_by_name(data))
        _check_widths(data, schema)
        if "y_soft" in data[mine] and (columns := data[mine].y_soft.size(1)) != task.targets.outputs:
            raise ValueError(
                f"y_soft of the condensed data has {columns} columns, the dataset {task.targets.outputs} "
                f"{task.targets.nouns}"
            )
        task.targets.check(data[mine].y)
    check_same_training_data(records_of(several), task.train.fingerprint())
    if not len(task.test.nodes):
        raise ValueError(
            f"{holder(mine)}.test_mask is missing or selects no labelled node; evaluation needs test nodes"
        )


def _check_types(data: HeteroData, schema: Schema) -> None:
    """Raise ``ValueError`` unless a condensed graph has the types of nodes and edges of the original."""
    if is_structure_free(data, schema.node_type):
        return
    for what, found, known in (
        ("node types", data.node_types, list(schema.widths)),
        ("relations", data.edge_types, list(schema.edge_types)),
    ):
        if other := [kind for kind in found if kind not in known]:
            raise ValueError(f"the condensed data has the {what} {named(other)}, which the dataset has not; {SAME}")
        if missing := [kind for kind in known if kind not in found]:
            attributes = "x" if what == "node types" else "edge_index, perhaps without edges"
            raise ValueError(
                f"the condensed data has not the {what} {named(missing)} of the dataset; set {holder(missing[0])}."
                f"{attributes}, or {SAME}"
            )


def _check_widths(data: HeteroData, schema: Schema) -> None:
    """Raise ``ValueError`` unless features of a condensed graph are as many as those of the original."""
    if is_structure_free(data, schema.node_type):
        if (columns := data[schema.node_type].x.size(1)) != sum(schema.block_widths):
            raise ValueError(
                f"the condensed data has no relations, so that its {columns} features must be those of all meta-paths, "
                f"which are {sum(schema.block_widths)} in the dataset; {SAME}"
            )
        return
    for name, width in schema.widths.items():
        if (columns := data[name].x.size(1)) != width:
            raise ValueError(
                f"the condensed data has {columns} features of {name!r}, the dataset {width}; evaluate on the dataset "
                "(and preprocessing) that was condensed"
            )
