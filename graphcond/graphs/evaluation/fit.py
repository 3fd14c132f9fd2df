"""What is evaluated on a set of graphs: condensations or graphs of the user's own, and whether they fit."""

from collections.abc import Sequence

from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.evaluation.candidates import Given, records_of, several_of
from graphcond.core.evaluation.finite import require_finite
from graphcond.core.evaluation.provenance import check_same_split, check_same_target, check_same_training_data
from graphcond.core.fields import is_whole
from graphcond.core.record import Record
from graphcond.graphs.labels import with_label
from graphcond.graphs.reading import read_graphs
from graphcond.graphs.task import GraphTask
from graphcond.pyg.adjacency import with_edges


def given_graphs(condensed: object) -> list[Given]:
    """Return condensations, or one set of graphs of the user's own, as a list.

    Raises:
        TypeError: something else.
        ValueError: they hold no graphs.
    """
    if isinstance(condensed, list | tuple) and condensed and all(isinstance(one, Data) for one in condensed):
        return [Given([with_label(with_edges(item), f"condensed[{i}]") for i, item in enumerate(condensed)])]
    expected = "what condense() returns, a list of Data, or a sequence of the former"
    kept = several_of(condensed, CondensedDataset, expected)
    return [Given(list(one), one.record, one.depth) for one in kept]


def read_task(dataset: object, records: Sequence[Record]) -> GraphTask:
    """Return the task of a dataset, as it was condensed; a task stays as it was read.

    Raises:
        TypeError: the dataset has the wrong type.
        ValueError: the dataset has unusable values, or was split otherwise when it was condensed.
    """
    if isinstance(dataset, GraphTask):
        check_same_split(records, dataset.split)
        return dataset
    check_same_split(records, None)
    split = records[0].source.get("split", 0) if records else 0
    if split == "given":
        raise ValueError(
            "the graphs were condensed with a split of your own; pass graphcond.read(graphs, split=...) to evaluate"
        )
    target = records[0].source.get("target") if records else None
    return read_graphs(dataset, split=split if is_whole(split) else 0, target=target)


def check_graphs(task: GraphTask, several: Sequence[Given]) -> None:
    """Raise if condensed graphs do not fit a task, were made from other graphs, or there are no test graphs.

    Raises:
        ValueError: one of these.
    """
    check_same_target(records_of(several), task.targets.kind)
    check_same_training_data(records_of(several), task.fingerprint())
    if not len(task.test):
        raise ValueError("split['test'] is missing or holds no labelled graph; evaluation needs test graphs")
    for item in (item for one in several for item in one.data):
        require_finite(item)
        if item.x is None or item.y is None or item.edge_index is None:
            raise ValueError("each condensed graph must have x, edge_index and y")
        if item.x.size(1) != task.train.x.size(1):
            raise ValueError(
                f"the condensed graphs have {item.x.size(1)} features, the dataset {task.train.x.size(1)}; "
                "evaluate on the dataset that was condensed"
            )
        task.targets.check(item.y)
