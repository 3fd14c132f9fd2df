"""Implicit feedback: the tables of docs/interactions.md.

    python benchmarks/interactions.py --root DATA ml-1m magazine     # appends rows to docs/interactions.jsonl
    python benchmarks/interactions.py --tables                       # prints all rows as Markdown

The folders `recsys/ml-1m` and `recsys/magazine` of DATA hold the archives of Distill-CF with their published split.
Every row is several condensations (seeds 0, 1, ...), in two columns: plain (ones) and own (weights as stored). The
settings of every model are chosen on the validation part, for each set of users and column anew. Rows that are in the
file already are not run again but with --retake REASON, and then the earlier ones stay. What each test user has of
NDCG@10 is kept in interactions_users.npz beside it.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import published
import row_file
import side_file
import verdicts

import recsys
from graphcond.core.runtime.jsonl import Key, RowFile
from recsys.evaluation.report import UserRow

ROWS = RowFile(Path(__file__).parent.parent / "docs" / "interactions.jsonl", ("dataset", "size", "data", "model"))
USERS = ROWS.path.with_name("interactions_users.npz")
METRICS = ("ndcg@10", "hr@10", "hr@100", "auc")
ONCE = ("whole", "head_users")  # the same for every seed
VARIANTS = {
    "dense": recsys.DistillCF(bytes_share=1e9),  # all weights are kept, whatever they take
    "reconstruction": recsys.DistillCF(loss="reconstruction"),  # the paper's loss
    "paper": recsys.DistillCF(loss="reconstruction", rows=recsys.GumbelRows()),  # and its sampling
}
SHARES = (0.2, 0.5, 1.0)
CONTROLS = ("random_users", "stratified_users", "head_users", "k_means_users", "forgetting")


@dataclass(frozen=True)
class Size:
    """One size, and the share of the original's bytes."""

    users: int
    interactions: int | None = None
    share: float | None = None

    @property
    def label(self) -> str:
        """How tables call it."""
        binary = "" if self.interactions is None else f", {self.interactions:,} binary"
        share = "" if self.share is None else f", {self.share:g} of the bytes"
        return f"{self.users} users{binary}{share}"


SIZES = {
    "ml-1m": (
        Size(10),
        Size(50),
        Size(100),
        Size(500),
        Size(500, 20_000),
        *(Size(500, share=share) for share in SHARES),
    ),
    "magazine": (
        Size(500),
        Size(500, 6_000),
        *(Size(500, share=share) for share in SHARES),
    ),
}


def run(name: str, options: argparse.Namespace) -> None:
    """Run the rows of one dataset that are not in the file."""
    split = recsys.read_archive(options.root / "recsys" / name)
    models = options.models.split(",")
    asked: set[Key] = set()  # what has no size is run once
    for size in SIZES[name]:
        if options.sizes and size.label not in options.sizes:
            continue
        for method in options.methods:
            if size.share is not None and method != "distill_cf":
                continue  # others take what they take
            label = "all users" if method == "whole" else size.label
            keys = [(name, label, method, model) for model in models]
            if chosen := [key[-1] for key in row_file.wanted(ROWS, keys, options.retake, asked)]:
                for row in measured(split, size, method, chosen, 1 if method in ONCE else options.seeds):
                    write(row, name, label, method, options.retake)


def measured(split: recsys.Split, size: Size, method: str, models: list[str], seeds: int) -> tuple[UserRow, ...]:
    """Return the rows of one method, a row for each model."""
    if method == "whole":
        return recsys.evaluate(split.train, split, models, controls=False).rows
    several = [
        recsys.condense(
            split, users=size.users, interactions=size.interactions, method=method_of(method, size), seed=seed
        )
        for seed in range(seeds)
    ]
    return recsys.evaluate(several, split, models, controls=False).rows


def method_of(name: str, size: Size) -> str | recsys.DistillCF:
    """Return the method of a row."""
    return VARIANTS.get(name, name) if size.share is None else recsys.DistillCF(bytes_share=size.share)


def write(row: UserRow, name: str, label: str, method: str, reason: str | None) -> None:
    """Append a row to the file and show it."""
    values = {"dataset": name, "size": label} | row.as_dict() | {"data": method}
    row_file.write(ROWS, reason, values)
    for column, each in (("plain", row.per_user), ("own", row.own_per_user)):
        if "ndcg@10" in each:
            side_file.save(USERS, f"{name}/{label}/{method}/{row.model}/{column}", each["ndcg@10"].astype("float32"))
    shown = " ".join(f"{metric} {_percent(values, metric)}" for metric in METRICS)
    shown += f", own ndcg@10 {_percent(values, 'ndcg@10', 'own_scores')}"
    print(f"{name}, {label}, {values['data']}, {row.model}: {shown} {row.note}", flush=True)


def tables() -> None:
    """Print every row as Markdown."""
    rows = list(ROWS.read().values())
    for name, sizes in SIZES.items():
        print(f"\n### {name}, test scores in %\n")
        header = ("trained on", "model", "interactions", "kB", *METRICS, "own ndcg@10", "condense s", "published")
        print("| " + " | ".join(header) + " |\n" + "|---" * len(header) + "|")
        for label in ("all users", *(size.label for size in sizes)):
            for row in rows:
                if (row["dataset"], row["size"]) == (name, label):
                    print(_line(row, label))


def _line(row: dict, label: str) -> str:
    # The paper's users keep all their weights, as those called dense do.
    theirs = published.find(row["dataset"], label, "distill_cf", row["model"]) if row["data"] == "dense" else ()
    mine = f"{row['dataset']} / {label} / {row['data']} / {row['model']}"
    reported = {one.metric: verdicts.verdict(f"interactions: {mine} #{one.metric}", _published(one)) for one in theirs}
    shown = ", ".join(f"{one.metric.upper()} {one.cell()} ({reported[one.metric].verdict})" for one in theirs) or "-"
    cells = [
        f"{label}, {row['data']}", row["model"], f"{row['interactions']:,}", f"{row['bytes'] / 1000:,.0f}",
        *(_percent(row, metric) for metric in METRICS), _percent(row, "ndcg@10", "own_scores"),
        f"{row['condense_seconds']:.1f}", shown,
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |" + (f" {row['note']}" if row["note"] else "")


def _published(one: published.Published) -> str:
    return f"published: {one.dataset} / {one.size} / {one.method} / {one.model} #{one.metric}"


def _percent(row: dict, metric: str, column: str = "scores") -> str:
    values = [100 * value for value in row.get(column, {}).get(metric, ())]
    if not values:
        return "-"
    mean = sum(values) / len(values)
    deviation = (sum((value - mean) ** 2 for value in values) / max(len(values) - 1, 1)) ** 0.5
    return f"{mean:.2f}" + (f" ± {deviation:.2f}" if len(values) > 1 else "")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("datasets", nargs="*", help=f"of {', '.join(SIZES)}")
    parser.add_argument("--root", type=Path, help="folder of raw data")
    parser.add_argument("--sizes", nargs="+", help="only these sizes, by their labels")
    parser.add_argument("--seeds", type=int, default=5, help="condensations of a row")
    methods = ["distill_cf", *CONTROLS, "whole"]
    parser.add_argument(
        "--methods", nargs="+", default=methods, choices=[*methods, *VARIANTS], help="only these methods"
    )
    parser.add_argument("--models", default="infinite_ae,ease,als", help="recommenders, separated by commas")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    for name in options.datasets:
        run(name, options)


if __name__ == "__main__":
    main()
