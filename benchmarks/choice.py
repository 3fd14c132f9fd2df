"""By how many standard errors a candidate of ``auto`` has to beat the default: the evidence, on validation nodes alone.

    python benchmarks/choice.py --root DATA      # appends rows to docs/measurements/choice.jsonl
    python benchmarks/choice.py --tables         # prints what they say as Markdown

On one half of the validation nodes ``auto``'s candidates are compared and one is chosen, by several bars; the other
half says what the choice is worth. Test nodes are not read. Stochastic block models of homophily 0 to 1 stand beside
real graphs: their labels depend on the structure more or less. Rows that are in the file are not run again but with
--retake REASON, and then the earlier ones stay.
"""

import argparse
from pathlib import Path

import row_file
import torch
import workloads
from torch_geometric.data import Data
from torch_geometric.transforms import RandomNodeSplit
from torch_geometric.utils import stochastic_blockmodel_graph

from graphcond.core.runtime.jsonl import RowFile
from graphcond.core.runtime.randomness import seeded
from graphcond.core.size import Size
from graphcond.nodes.downstream import Downstream, mean_score
from graphcond.nodes.methods import candidates
from graphcond.nodes.methods.auto import Auto
from graphcond.nodes.modality import allocation_of
from graphcond.nodes.reading import read_nodes

ROWS = RowFile(row_file.MEASUREMENTS / "choice.jsonl", ("set", "seed"))
SETS = ("cora:7", "cora:70", "citeseer:30", "photo:8", "photo:46", "digits:20", "tolokers:59", "tolokers:294",
        "sbm0:40", "sbm0.25:40", "sbm0.5:40", "sbm0.75:40", "sbm1:40")  # fmt: skip
BARS = (0.0, 1.0, 2.0, 3.0, 4.0)


def block_model(homophily: float, num_nodes: int = 2000, classes: int = 4, degree: int = 10) -> Data:
    """Return a stochastic block model with noisy features; ``homophily`` is the share of edges within classes."""
    with seeded(0):
        sizes = torch.full((classes,), num_nodes // classes)
        within = homophily * degree / float(sizes[0])
        between = (1 - homophily) * degree / float(num_nodes - sizes[0])
        chances = torch.full((classes, classes), between).fill_diagonal_(within)
        edge_index = stochastic_blockmodel_graph(sizes, chances)
        y = torch.repeat_interleave(torch.arange(classes), sizes)
        x = torch.randn(classes, 32)[y] + 2 * torch.randn(num_nodes, 32)
        return RandomNodeSplit(num_val=0.25, num_test=0.25)(Data(x=x, y=y, edge_index=edge_index))


def measure(data: Data, nodes: int, seed: int) -> dict[str, str | float]:
    """Return by how much the best candidate is ahead, with its error, and by how much on the other half."""
    task = read_nodes(data)
    allocation = allocation_of(Size.count(nodes), task.train.graph.num_nodes, task.class_counts)
    with seeded(seed):
        prepared = Auto().prepare(task, allocation)
        order = task.val.nodes[torch.randperm(len(task.val.nodes))]
        chosen, evaluated = (
            Downstream(prepared.views.val, half, task.num_classes) for half in order.split(-(-len(order) // 2))
        )
        found = prepared.offers()
        outcomes = candidates.choose(found, chosen).outcomes
        default = candidates.DEFAULT
        best = max(outcomes, key=lambda one: mean_score(outcomes[one]))
        gain, error = chosen.difference(outcomes[best], outcomes[default])
        other = candidates.compared({default: found[default], best: found[best]}, evaluated, candidates.FINAL)
    worth = mean_score(other[best]) - mean_score(other[default])
    return {"best": str(best), "gain": float(gain), "error": float(error), "worth": float(worth)}


def run(options: argparse.Namespace) -> None:
    """Run the rows that are not in the file."""
    keys = [(one, seed) for one in options.sets for seed in range(options.seeds)]
    for one, seed in row_file.wanted(ROWS, keys, options.retake):
        name, nodes = one.split(":")
        data = block_model(float(name[3:])) if name.startswith("sbm") else workloads.load(name, options.root)
        row = measure(data, int(nodes), seed)
        row_file.write(ROWS, options.retake, {"set": one, "seed": seed} | row)
        said = f"{row['best']} {100 * row['gain']:+.1f} ± {100 * row['error']:.1f}, there {100 * row['worth']:+.1f}"
        print(f"{one} seed {seed}: {said}", flush=True)


def tables() -> None:
    """Print as Markdown what each bar gains on the other half, and how many rows that rests on."""
    rows = list(ROWS.read().values())
    if not rows:
        return
    gains = [[100 * row["worth"] if row["gain"] > bar * row["error"] else 0.0 for row in rows] for bar in BARS]
    print(f"{len({row['set'] for row in rows})} pairs of dataset and size, {len(rows)} condensations\n")
    print("| standard errors by which a candidate must beat the default | " + " | ".join(f"{b:g}" for b in BARS) + " |")
    print("|---" * (1 + len(BARS)) + "|")
    means = " | ".join(f"{sum(found) / len(found):.2f}" for found in gains)
    print(f"| mean gain on the other half, points | {means} |")
    print(f"| lowest | {' | '.join(f'{min(found):.2f}' for found in gains)} |")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sets", nargs="*", default=SETS)
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--seeds", type=int, default=2)
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    run(options)


if __name__ == "__main__":
    main()
