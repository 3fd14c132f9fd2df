"""Which of OGB's datasets are read, condensed and measured, and why others are not: a table of measurements/ogb.md.

    python benchmarks/ogb_coverage.py        # prints it as Markdown

What is learned and by which score stands in the catalogue; whether a set is measured, in docs/measurements/ogb.jsonl,
graphs.jsonl and targets.jsonl. What a set's loading was tested on, and why one is left out, stands here.
"""

from verdicts import DOCS, KEYS

from graphcond.core.runtime.jsonl import RowFile
from graphcond.datasets import Entry, list_datasets

FILES = ("ogb", "graphs", "targets")
"""The pages, and their rows, in which sets of OGB stand."""
LAYOUT = "raw layout"
TESTED = {
    "ogbg-molbace": "OGB's files",
    "ogbg-molesol": "OGB's files",
    "ogbg-molhiv": "molecules, rebuilt: OGB's labels, edges and split; some features of atoms and bonds differ",
    "ogbg-moltox21": "molecules, rebuilt: 7,823 of 7,831, and a scaffold split of these",
}
"""What loading was tested on beside tiny sets in OGB's raw layout."""
EDGES = "follows: what is learned are edges"
KNOWLEDGE = "stays out: a knowledge graph"
LEFT_OUT = {
    "ogbg-code2": ("sequences of words", "F1", "stays out: a sequence is neither classes, labels nor numbers"),
    "ogbn-papers100M": (
        "172 classes", "accuracy", "too large for this machine: 111,059,956 nodes, whose features alone are 57 GB",
    ),
    "ogbl-ppa": ("edges", "hits@100", EDGES),
    "ogbl-collab": ("edges", "hits@50", EDGES),
    "ogbl-ddi": ("edges", "hits@20", EDGES),
    "ogbl-citation2": ("edges", "mrr", EDGES),
    "ogbl-vessel": ("edges", "roc_auc", EDGES),
    "ogbl-wikikg2": ("edges of many types", "mrr", KNOWLEDGE),
    "ogbl-biokg": ("edges of many types", "mrr", KNOWLEDGE),
}  # fmt: skip
"""What is learned, the score, and why there is no way to condense it."""


def tables() -> None:
    """Print the table."""
    print("| set | learned | score | loads | condensed |\n|---|---|---|---|---|")
    measured = {file: {key[0] for key in RowFile(DOCS / f"{file}.jsonl", KEYS[file]).read()} for file in FILES}
    for one in list_datasets():
        if one.name.startswith("ogb"):
            loads = TESTED.get(one.name, LAYOUT)
            print(f"| `{one.name}` | {_learned(one)} | {one.metric} | {loads} | {_condensed(one.name, measured)} |")
    for name, (learned, score, why) in LEFT_OUT.items():
        print(f"| `{name}` | {learned} | {score} | - | {why} |")


def _learned(one: Entry) -> str:
    return f"{one.learned} classes" if one.target == "single_label" else one.learned


def _condensed(name: str, measured: dict[str, set[object]]) -> str:
    """Return where the rows of a set are, or the command that makes them."""
    pages = [f"[`{file}.md`]({file}.md)" for file in FILES if name in measured[file]]
    return f"measured: {', '.join(pages)}" if pages else f"not measured: `ogb_sets.py --root DATA {name}`"


if __name__ == "__main__":
    tables()
