r"""Implicit feedback: the tables of docs/measurements/interactions.md.

    python benchmarks/interactions.py --root DATA ml-1m magazine     # appends rows to measurements/interactions.jsonl
    python benchmarks/interactions.py --tables                       # prints all rows as Markdown
    python benchmarks/interactions.py --root DATA ml-1m --methods published --sizes "500 users" --models infinite_ae \
        --seeds 1 --checkpoint FOLDER --seconds 5400                 # the published run, which takes hours

The folders `recsys/ml-1m` and `recsys/magazine` of DATA hold the archives of Distill-CF with their published split.
Every row is several condensations (seeds 0, 1, ...), in two columns: plain (ones) and own (weights as stored). The
settings of every model are chosen on the validation part, for each set of users and column anew. Rows that are in the
file already are not run again but with --retake REASON, and then the earlier ones stay. What each test user has of
NDCG@10 is kept in interactions_users.npz beside it.
"""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import published
import row_file
import side_file
import verdicts

import recsys
from graphcond import Progress, Run
from graphcond.core.runtime.jsonl import Key, RowFile
from recsys.evaluation.report import UserRow

ROWS = RowFile(row_file.MEASUREMENTS / "interactions.jsonl", ("dataset", "size", "data", "model"))
USERS = ROWS.path.with_name("interactions_users.npz")
METRICS = ("ndcg@10", "hr@10", "hr@100", "auc")
ONCE = ("whole", "head_users")  # the same for every seed
VARIANTS = {
    "dense": recsys.DistillCF(bytes_share=1e9),  # all weights are kept, whatever they take
    "reconstruction": recsys.DistillCF(loss="reconstruction"),  # the paper's loss
    "paper": recsys.DistillCF(loss="reconstruction", rows=recsys.GumbelRows()),  # and its sampling
    "published": recsys.DistillCF.preset("published"),  # and all else: the published run
}
THEIRS = ("dense", "published")  # the paper's users keep all their weights
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


class Clock:
    """CPU seconds of the steps of one session, as progress reports tell of them; validations are in them."""

    def __init__(self) -> None:
        self.reports: list[tuple[int, float]] = []

    def __call__(self, report: Progress) -> None:
        """Take a report."""
        self.reports.append((report.done, time.process_time()))

    def per_step(self) -> float | None:
        """Return the CPU seconds of a step; ``None``: the session had not two."""
        (first, began), (last, ended) = self.reports[0], self.reports[-1]
        return (ended - began) / (last - first) if last > first else None


def run(name: str, options: argparse.Namespace) -> None:
    """Run the rows of one dataset that are not in the file."""
    rows = RowFile(options.into / ROWS.path.name, ROWS.fields)
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
            if chosen := [key[-1] for key in row_file.wanted(rows, keys, options.retake, asked)]:
                for row, went in measured(split, size, method, chosen, options):
                    write(rows, row, {"dataset": name, "size": label, "data": method} | went, options.retake)


def measured(
    split: recsys.Split, size: Size, method: str, models: list[str], options: argparse.Namespace
) -> list[tuple[UserRow, dict[str, Any]]]:
    """Return the rows of one method, a row for each model, each with how its steps went where it takes any."""
    if method == "whole":
        return [(row, {}) for row in recsys.evaluate(split.train, split, models, controls=False).rows]
    several, went = [], []
    for seed in range(1 if method in ONCE else options.seeds):
        clock, kept = Clock(), options.checkpoint
        path = None if kept is None else kept / f"{split.name} {size.label} {method} {seed}.safetensors"
        small = recsys.condense(
            split, users=size.users, interactions=size.interactions, method=method_of(method, size), seed=seed,
            run=Run(progress=clock, checkpoint=path, max_seconds=options.seconds),
        )  # fmt: skip
        several.append(small)
        if "kept_step" in (choices := small.record.choices):
            went.append((choices["steps"], choices["kept_step"], clock.per_step()))
            print(f"{size.label}, {method}, seed {seed}: {choices}", flush=True)
    report = recsys.evaluate(several, split, models, controls=False)
    return [(row, {"went": went} if went else {}) for row in report.rows]


def method_of(name: str, size: Size) -> str | recsys.DistillCF:
    """Return the method of a row."""
    return VARIANTS.get(name, name) if size.share is None else recsys.DistillCF(bytes_share=size.share)


def write(rows: RowFile, row: UserRow, about: dict[str, Any], reason: str | None) -> None:
    """Append a row to the file and show it."""
    values = row.as_dict() | about
    name, label, method = (about[key] for key in ("dataset", "size", "data"))
    row_file.write(rows, reason, values)
    for column, each in (("plain", row.per_user), ("own", row.own_per_user)):
        if "ndcg@10" in each:
            side_file.save(
                rows.path.with_name(USERS.name),
                f"{name}/{label}/{method}/{row.model}/{column}",
                each["ndcg@10"].astype("float32"),
            )
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
    theirs = published.find(row["dataset"], label, "distill_cf", row["model"]) if row["data"] in THEIRS else ()
    mine = f"{row['dataset']} / {label} / {row['data']} / {row['model']}"
    column = " own" if row.get("own_scores") else ""  # as weighted as theirs
    reported = {
        one.metric: verdicts.verdict(f"interactions: {mine} #{one.metric}{column}", _published(one)) for one in theirs
    }
    shown = ", ".join(f"{one.metric.upper()} {one.cell()} ({reported[one.metric].verdict})" for one in theirs) or "-"
    cells = [
        f"{label}, {row['data']}{_steps(row)}", row["model"], f"{row['interactions']:,}", f"{row['bytes'] / 1000:,.0f}",
        *(_percent(row, metric) for metric in METRICS), _percent(row, "ndcg@10", "own_scores"),
        f"{row['condense_seconds']:.1f}", shown,
    ]  # fmt: skip
    return "| " + " | ".join(cells) + " |" + (f" {row['note']}" if row["note"] else "")


def _steps(row: dict) -> str:
    """Return which of its steps were kept, and what a step cost, where the row says it."""
    went = [
        f"step {kept} of {steps}" + ("" if cost is None else f", {cost:.1f} CPU-s each")
        for steps, kept, cost in row.get("went", ())
    ]
    return f" ({'; '.join(went)})" if went else ""


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
    parser.add_argument("--checkpoint", type=Path, help="folder of checkpoints, from which runs go on")
    parser.add_argument("--seconds", type=float, help="stop each condensation then; the row says at which step")
    parser.add_argument("--into", type=Path, default=ROWS.path.parent, help="folder of the rows")
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
