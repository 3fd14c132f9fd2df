"""The tables of README.md: a few rows of each modality, and how they compare.

python benchmarks/readme.py nodes      # or users, or images; what stands in README is made by pages.py
"""

import argparse

import published
import verdicts

NODES = {"cora": (7, 35, 70, 140), "citeseer": (6, 30, 60, 120), "pubmed": (3, 15, 30, 60)}
USERS = (
    ("all users", "whole", "all users"),
    ("500 users", "dense", "500 synthetic users, all weights kept (`bytes_share=1e9`)"),
    ("500 users, 20,000 binary", "distill_cf", "500 synthetic users, binary"),
    ("500 users", "random_users", "500 random users"),
)
RECOMMENDERS = ("infinite_ae", "ease", "als", "item_knn")
IMAGES = (("dm", "convnet"), ("mtt", "convnet"), ("frepo", "convnet"), ("kip", "ntk"))


def tables(kind: str) -> None:
    """Print a table as Markdown.

    Raises:
        ValueError: there is no table of that kind.
    """
    if kind not in TABLES:
        raise ValueError(f"there are tables of {', '.join(TABLES)}, not of {kind!r}")
    TABLES[kind]()


def nodes() -> None:
    """Print the plain scores of `auto` at all sizes of the papers beside its controls."""
    head = (
        "GCN, %", "nodes", "`auto`", "class means", "whole", "best published", "against class means", "against whole",
    )  # fmt: skip
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    pairs: list[tuple[str, str]] = []
    for dataset, sizes in NODES.items():
        mine = [f"results: {dataset} / {size} / auto / gcn" for size in sizes]
        means, whole = (f"results: {dataset} / 0 / {name} / gcn" for name in ("class_mean", "whole"))
        pairs += [(one, other) for other in (means, whole) for one in mine]
        reported = (" / ".join(verdicts.verdict(one, other).verdict for one in mine) for other in (means, whole))
        best = [published.best(dataset, size) for size in sizes]
        cells = (
            dataset, " / ".join(map(str, sizes)), " / ".join(map(_percent, mine)), _percent(means), _percent(whole),
            " / ".join("-" if one is None else one.cell() for one in best), *reported,
        )  # fmt: skip
        print(f"| {' | '.join(cells)} |")
    noise = dict.fromkeys(verdicts.verdict(one, other).how for one, other in pairs)
    print(f"\nIntervals take into account: {', or '.join(noise)}. Published: {published.LEGEND}")


def users() -> None:
    """Print NDCG@10 of all recommenders on MovieLens-1M."""
    print(f"| trained on | interactions | {' | '.join(RECOMMENDERS)} |\n{'|---' * (2 + len(RECOMMENDERS))}|")
    for size, data, shown in USERS:
        keys = {model: ("ml-1m", size, data, model) for model in RECOMMENDERS}
        there = {model: key for model, key in keys.items() if key in verdicts.rows("interactions")}
        count = verdicts.rows("interactions")[next(iter(there.values()))]["interactions"]
        names = [f"interactions: {' / '.join(there[model])} #ndcg@10 own" if model in there else "" for model in keys]
        cells = (shown, f"{count:,}", *(_percent(name) if name else "-" for name in names))
        print(f"| {' | '.join(cells)} |")


def images() -> None:
    """Print test accuracy on MNIST beside what was published."""
    head = ("MNIST, test accuracy in %", "evaluated with", "one image a class", "published", "ten", "published")
    print(f"| {' | '.join(head)} |\n{'|---' * len(head)}|")
    for method, model in IMAGES:
        cells = []
        for count in (1, 10):
            there = published.find("mnist", count, method, model)
            cells += [_percent(f"images: mnist / {count} / {method} / {model} / augmented_digits")]
            cells += [there[0].cell() if there else "-"]
        print(f"| `{method}` | {model} | {' | '.join(cells)} |")
    random = [_percent(f"images: mnist / {count} / random / convnet / moved_digits") for count in (1, 10)]
    print(f"| `random` | convnet | {random[0]} | | {random[1]} | |")
    print(f"\nPublished: {published.LEGEND}")


def _percent(name: str) -> str:
    return f"{100 * verdicts.sample(name).mean:.1f}"


TABLES = {"nodes": nodes, "users": users, "images": images}


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kind", choices=TABLES, help="which table")
    tables(parser.parse_args().kind)


if __name__ == "__main__":
    main()
