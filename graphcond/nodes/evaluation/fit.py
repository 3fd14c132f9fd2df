"""What is evaluated on a node dataset: condensations or a graph of the user's own, and whether it fits."""

from collections.abc import Sequence
from dataclasses import replace

from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.evaluation.candidates import Given, records_of, several_of
from graphcond.core.evaluation.finite import require_finite
from graphcond.core.evaluation.provenance import check_same_split, check_same_target, check_same_training_data
from graphcond.core.record import Record
from graphcond.nodes.evaluation.own_data import read_own
from graphcond.nodes.evaluation.protocol import LINEAR_PROBE, STANDARD
from graphcond.nodes.reading import has_labels, read_nodes, recorded_reading
from graphcond.nodes.singular_vectors import made_by, without_labels
from graphcond.nodes.task import NodeTask


def given_nodes(condensed: object) -> list[Given]:
    """Return condensations, or a graph of the user's own, as a list.

    Raises:
        TypeError: something else.
        ValueError: they hold no nodes, or a graph that nothing can be trained on.
    """
    if isinstance(condensed, Data):
        return [Given(condensed)]
    expected = "what condense() returns, a Data, or a sequence of the former"
    kept = several_of(condensed, CondensedDataset, expected)
    return [Given(one[0], one.record) for one in kept]


def read_task(dataset: object, records: Sequence[Record]) -> NodeTask:
    """Return the task of a dataset, as it was condensed; a task stays as it was read.

    Raises:
        TypeError: the dataset has the wrong type.
        ValueError: the dataset has unusable values, or was split otherwise when it was condensed.
    """
    source = records[0].source if records else {}
    made = made_by(source.get("target"))
    if isinstance(dataset, NodeTask):
        check_same_split(records, dataset.split)
        read = made_by(dataset.targets.source.get("target"))
        return dataset if made is None or read is not None else without_labels(dataset, made, dataset)
    check_same_split(records, None)
    reading = recorded_reading(dataset, source)
    if reading["inductive"] and (whole := [one for one in records if not one.source.get("inductive", False)]):
        check_same_training_data(whole, read_nodes(dataset, **(reading | {"inductive": False})).fingerprint())
    task = read_nodes(dataset, **reading)
    if made is None or not has_labels(dataset):
        return task
    return replace(task, probed=read_nodes(dataset, **(reading | {"target": None})))


def usual_protocol(records: Sequence[Record]) -> str:
    """Return the protocol where none is named: a linear probe of what was learned without labels."""
    free = any(made_by(record.source.get("target")) is not None for record in records)
    return LINEAR_PROBE.name if free else STANDARD.name


def fitted(task: NodeTask, one: Given) -> Given:
    """Return a graph of the user's own with targets as a task has them; a condensation stays as it is.

    Raises:
        TypeError: a tensor of the wrong type.
        ValueError: tensors with unusable values, or no node to learn from.
    """
    return one if one.record is not None else replace(one, data=read_own(one.data, task.targets.kind))


def check_fit(several: Sequence[Given], task: NodeTask) -> None:
    """Raise if a condensed graph has other features or classes than the task.

    Raises:
        ValueError: it does.
    """
    check_same_target(records_of(several), task.targets.source.get("target", task.targets.kind))
    for data in (one.data for one in several):
        require_finite(data)
        if data.x.size(1) != task.train.graph.x.size(1):
            raise ValueError(
                f"the condensed data has {data.x.size(1)} features, the dataset {task.train.graph.x.size(1)}; "
                "evaluate on the dataset (and preprocessing) that was condensed"
            )
        if "y_soft" in data and data.y_soft.size(1) != task.targets.outputs:
            raise ValueError(
                f"y_soft of the condensed data has {data.y_soft.size(1)} columns, the dataset {task.targets.outputs} "
                f"{task.targets.nouns}"
            )
        task.targets.check(data.y)
