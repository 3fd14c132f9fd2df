"""What refining buys: `auto` against `auto` with `max_seconds`, the table of docs/measurements/results.md.

    python benchmarks/refinement.py --root DATA fashion:275 fashion:550 physics:103     # appends to the file
    python benchmarks/refinement.py --tables                                            # prints it as Markdown

A row is one condensation of each, evaluated by the standard protocol; where the refined nodes were not kept, both are
the same to the bit, and evaluated once. Rows that are in the file already are not run again but with --retake REASON,
and then the earlier ones stay.
"""

import argparse
from pathlib import Path
from statistics import mean

import row_file
import workloads
from torch_geometric.data import Data

import graphcond
from graphcond.core.runtime.jsonl import RowFile

ROWS = RowFile(row_file.MEASUREMENTS / "refinement.jsonl", ("dataset", "nodes", "seed"))
COLUMNS = ("val", "test", "seconds")


def compare(data: Data, nodes: int, seed: int, max_seconds: float) -> dict:
    """Return what both ways gave for one seed."""
    plain = graphcond.condense(data, size=nodes, seed=seed)
    refined = graphcond.condense(data, size=nodes, seed=seed, run=graphcond.Run(max_seconds=max_seconds))
    note = refined.record.choices["refinement"]
    row = {"auto": evaluated(plain, data, seed)}
    row["refined"] = evaluated(refined, data, seed) if note["kept"] else dict(row["auto"])
    row["refined"]["seconds"] = refined.record.seconds
    return row | {"max_seconds": max_seconds, "refinement": note}


def evaluated(small: graphcond.CondensedDataset, data: Data, seed: int) -> dict[str, float]:
    """Return the scores of one training."""
    best = graphcond.evaluate(small, data, protocol="standard(runs=1)", controls=False, seed=100 * seed).best
    return {"val": best.val_scores[0], "test": best.scores[0], "seconds": small.record.seconds}


def run(spec: str, options: argparse.Namespace) -> None:
    """Run the seeds of one dataset and size that are not in the file."""
    name, nodes = spec.split(":")
    data = workloads.load(name, options.root)
    keys = [(name, int(nodes), seed) for seed in range(options.seeds)]
    for key in row_file.wanted(ROWS, keys, options.retake):
        row = dict(zip(ROWS.fields, key, strict=True)) | compare(data, int(nodes), key[-1], options.max_seconds)
        row_file.write(ROWS, options.retake, row)
        print(spec, key[-1], "kept" if row["refinement"]["kept"] else "not kept", flush=True)


def tables() -> None:
    """Print every row as Markdown."""
    print("| dataset | nodes | seeds | kept | steps | val: auto | refined | test: auto | refined | s: auto | refined |")
    print("|" + "---|" * 11)
    rows = list(ROWS.read().values())
    for name, nodes in dict.fromkeys((row["dataset"], row["nodes"]) for row in rows):
        mine = [row for row in rows if (row["dataset"], row["nodes"]) == (name, nodes)]
        kept = sum(row["refinement"]["kept"] for row in mine)
        steps = round(mean(row["refinement"]["steps"] for row in mine))
        cells = [_cell(mine, way, what) for what in COLUMNS for way in ("auto", "refined")]
        print(f"| {name} | {nodes} | {len(mine)} | {kept} | {steps} | {' | '.join(cells)} |")


def _cell(rows: list[dict], way: str, what: str) -> str:
    value = mean(row[way][what] for row in rows)
    return f"{value:.0f}" if what == "seconds" else f"{100 * value:.1f}"


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("specs", nargs="*", help="dataset:nodes, datasets as in benchmarks/nodes.py")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--seeds", type=int, default=2, help="condensations of a row")
    parser.add_argument("--max-seconds", type=float, default=60.0, help="for condensing with refinement")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    for spec in options.specs:
        run(spec, options)


if __name__ == "__main__":
    main()
