r"""What other networks than a GCN make of condensed nodes: two published tables of several networks, with ours.

    python benchmarks/nodes.py --root DATA --seeds 3 --runs 1 --sizes 60 --methods auto class_mean random_soft whole \
        --models gcn,sgc,appnp,cheb,bernnet,gprgnn citeseer          # and so on: the rows
    python benchmarks/cross_architecture.py                          # prints the tables

GDEM's Table 3 has six networks, GCondenser's figures seven. Rows are those of docs/measurements/results.jsonl.
"""

import argparse
from dataclasses import dataclass
from statistics import fmean

import published
import verdicts

DATA = ("auto", "class_mean", "random_soft", "receptive_field", "whole")


@dataclass(frozen=True)
class Several:
    """Networks over which a published table has a mean.

    Args:
        source: Whose table.
        models: The networks.
        sets: Datasets and sizes.
    """

    source: str
    models: tuple[str, ...]
    sets: tuple[tuple[str, str], ...]

    @property
    def name(self) -> str:
        """What ``published.jsonl`` calls the mean."""
        return f"mean of {', '.join(self.models)}"


GDEM = Several("GDEM", ("gcn", "sgc", "appnp", "cheb", "bernnet", "gprgnn"), (("citeseer", "60"), ("pubmed", "30")))
GCONDENSER = Several(
    "GCondenser", ("mlp", "sgc", "gcn", "gat", "cheb", "sage", "appnp"),
    (("cora", "35"), ("citeseer", "30"), ("pubmed", "15")),
)  # fmt: skip


def tables() -> None:
    """Print all tables as Markdown."""
    for several in (GDEM, GCONDENSER):
        _table(several)


def _table(several: Several) -> None:
    print(f"\n| dataset, nodes | trained on | {' | '.join(several.models)} | mean |")
    print(f"|---|---|{'---|' * len(several.models)}---|")
    rows = verdicts.rows("results")
    for dataset, size in several.sets:
        for data in DATA:
            found = [_row(rows, dataset, size, data, model) for model in several.models]
            if any(found):
                _line(f"{dataset} {size} | {data}", [None if one is None else one["mean"] for one in found])
                if any(one and one["own_scores"] for one in found):
                    _line(
                        f"{dataset} {size} | {data}, own", [one and (one["own_mean"] or one["mean"]) for one in found]
                    )
        for one in (one for one in published.of(dataset, size) if one.model == several.name):
            print(f"| {dataset} {size} | *{one.method}, as {several.source} prints it* |{' |' * len(several.models)} "
                  f"*{one.cell()}* |")  # fmt: skip


def _row(rows: dict, dataset: str, size: str, data: str, model: str) -> dict | None:
    return rows.get((dataset, size, data, model)) or rows.get((dataset, "0", data, model))


def _line(head: str, means: list[float | None]) -> None:
    cells = ["-" if mean is None else f"{100 * mean:.1f}" for mean in means]
    known = [mean for mean in means if mean is not None]
    whole = f"**{100 * fmean(known):.1f}**" if len(known) == len(means) else "-"
    print(f"| {head} | {' | '.join(cells)} | {whole} |")


def main() -> None:
    """Print the tables."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    tables()


if __name__ == "__main__":
    main()
