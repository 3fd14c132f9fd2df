"""The command ``graphcond list``."""

import typer

from graphcond import command_options as options
from graphcond.core.evaluation.tables import render
from graphcond.core.method_lines import method_lines
from graphcond.terminal import print_json

METHOD_PACKAGES = {
    "nodes": "graphcond.nodes.methods",
    "graphs": "graphcond.graphs.methods",
    "images": "graphcond.images.methods",
    "interactions": "recsys.methods",
}


def list_(as_json: options.Json = False) -> None:
    """List datasets and methods."""
    import graphcond

    entries = graphcond.datasets.list_datasets()
    methods = {modality: method_lines(package) for modality, package in METHOD_PACKAGES.items()}
    if as_json:
        names = ("name", "description", "task", "target", "metric")
        datasets = [{name: getattr(one, name) for name in names} for one in entries]
        print_json({"datasets": datasets, "methods": methods})
        return
    graphs = [
        (e.name, e.description, *(f"{n:,}" if n else "?" for n in (e.num_graphs, e.num_nodes, e.num_edges)), e.learned)
        for e in entries
        if e.image_shape is None
    ]
    images = [
        (e.name, e.description, f"{e.num_images:,}", " x ".join(map(str, e.image_shape)), f"{e.num_classes:,}")
        for e in entries
        if e.image_shape is not None
    ]
    tables = [
        render("datasets of graphs", ("name", "what", "graphs", "nodes", "edges", "classes"), graphs),
        render("datasets of images", ("name", "what", "images", "shape", "classes"), images),
        *(
            render(f"methods for {modality}", ("name", "what"), list(lines.items()))
            for modality, lines in methods.items()
        ),
    ]
    typer.echo("\n\n".join(tables))
