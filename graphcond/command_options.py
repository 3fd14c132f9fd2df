"""Options that several commands have."""

from pathlib import Path
from typing import Annotated

import typer

from graphcond.listing import list_datasets


def dataset_names(incomplete: str) -> list[str]:
    """Return the names of datasets that begin so, as a shell completes them."""
    return [name for name in list_datasets() if name.startswith(incomplete)]


Name = Annotated[
    str,
    typer.Argument(help="A dataset of `graphcond list`, or a folder of .npy files.", autocompletion=dataset_names),
]
File = Annotated[Path, typer.Argument(help="A file that `graphcond condense -o` wrote.")]
Root = Annotated[Path | None, typer.Option(help="Folder of raw data; else GRAPHCOND_DATA, else the cache.")]
Ratio = Annotated[
    float | None, typer.Option(help="Items out / items of the original (default 0.01; of images 10/class).")
]
SizeText = Annotated[
    str | None,
    typer.Option("--size", help="A number of nodes, graphs or images, such as 35; or 10/class, 5%train, 10kB."),
]
Method = Annotated[
    str, typer.Option(help="A method of `graphcond list`, with settings if wished: 'gcond(inner_steps=10)'.")
]
Inductive = Annotated[bool | None, typer.Option(help="Condense the training subgraph only.")]
Memory = Annotated[str | None, typer.Option(help="Memory that the process may take for nodes, such as 4GB.")]
CheckpointFile = Annotated[
    Path | None, typer.Option("--checkpoint", help="Keep the state of long work here, and go on from it.")
]
MaxSeconds = Annotated[float | None, typer.Option(help="Time limit in seconds; the best result so far is kept.")]
Output = Annotated[Path | None, typer.Option("--output", "-o", help="Write a safetensors file.")]
Overwrite = Annotated[bool, typer.Option(help="Replace an existing file.")]
Seed = Annotated[int, typer.Option(help="Seed of the condensation.")]
Models = Annotated[
    str | None,
    typer.Option(help="Downstream models, separated by commas (default: gcn; graphs: gin; images: convnet)."),
]
Runs = Annotated[int | None, typer.Option(help="Trainings of each condensed dataset; default: the protocol's.")]
ProtocolText = Annotated[
    str, typer.Option("--protocol", help="standard or published, with settings if wished: 'standard(epochs=300)'.")
]
UsualProtocolText = Annotated[
    str | None,
    typer.Option(
        "--protocol",
        help="As of `bench`; default: standard, and linear_probe for what was condensed without labels.",
    ),
]
Controls = Annotated[bool, typer.Option(help="Print controls beside the result.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]
Device = Annotated[str, typer.Option(help="Where to compute: cpu, cuda.")]
Page = Annotated[Path, typer.Option("--output", "-o", help="The HTML file to write.")]
Scores = Annotated[bool, typer.Option("--scores/--no-scores", help="Train models, and show their scores.")]
