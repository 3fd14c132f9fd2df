"""The command ``graphcond plan``."""

from typing import Annotated

import typer

from graphcond.terminal import RATIO_DEFAULT, Json, print_json


def plan_command(
    name: Annotated[str, typer.Argument(help="A dataset of `graphcond list`, or a folder of .npy files.")],
    ratio: Annotated[float | None, typer.Option(help="Nodes out / all nodes (default 0.01).")] = None,
    num_nodes: Annotated[int | None, typer.Option(help="Number of synthetic nodes.")] = None,
    nodes_per_class: Annotated[int | None, typer.Option(help="Number of synthetic nodes of each class.")] = None,
    ratio_of: Annotated[str, typer.Option(help="What the ratio counts against: nodes or train.")] = "nodes",
    method: Annotated[str, typer.Option(help="A node method of `graphcond list`, with settings if wished.")] = "auto",
    inductive: Annotated[bool | None, typer.Option(help="Condense the training subgraph only.")] = None,
    memory: Annotated[str | None, typer.Option(help="Memory that the process may take, such as 4GB.")] = None,
    as_json: Json = False,
) -> None:
    """Tell the time, memory and disk that a condensation will take, before anything is loaded."""
    from graphcond.datasets import entry
    from graphcond.planning.estimate import plan

    unsized = ratio is None and num_nodes is None and nodes_per_class is None
    expected = plan(
        name,
        RATIO_DEFAULT if unsized else ratio,
        num_nodes=num_nodes,
        nodes_per_class=nodes_per_class,
        ratio_of=ratio_of,  # type: ignore[arg-type]  # checked by Budget
        method=method,
        inductive=entry(name).inductive if inductive is None else inductive,
        memory=memory,
    )
    if as_json:
        print_json(expected.to_dict())
    else:
        typer.echo(str(expected))
