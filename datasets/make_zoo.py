"""Make the condensed sets that come with the package, ``graphcond/zoo/files``: files, cards, pages.

    python datasets/make_zoo.py --root DATA              # all that is not there; a stopped run goes on
    python datasets/make_zoo.py --root DATA cora-7       # one of them
    python datasets/make_zoo.py --pages                  # the same, and all pages anew, datasets/cards/zoo/*.md

DATA is the folder of raw files (default: GRAPHCOND_DATA). All together takes about 30 minutes on one core. To make a
set anew, delete its card and file. The sources have a free licence, as their cards in ``datasets/cards`` state. Nothing
is chosen by test data: each set is what one call with seed 0 gives, and its test scores are read once, when it is
evaluated.
"""

import argparse
import dataclasses
import hashlib
import json
import re
from dataclasses import dataclass
from pathlib import Path

import graphcond
from graphcond.condensed import FORMATS
from graphcond.core.hub import HubPage, page_text
from graphcond.core.runtime.files import replacing
from graphcond.zoo.shelf import FOLDER, ZooCard

REPOSITORY = Path(__file__).resolve().parent.parent
CARDS = REPOSITORY / "datasets" / "cards"
PAGES = CARDS / "zoo"


@dataclass(frozen=True, kw_only=True)
class Group:
    """Sets of one source that are made and evaluated alike.

    Args:
        dataset: As :func:`graphcond.datasets.load` takes it.
        sizes: As :func:`graphcond.condense` takes them.
        card: The file of ``datasets/cards`` that has the citation.
        models: Downstream models.
        controls: What stands beside the scores.
        method: As :func:`graphcond.condense` takes it.
        notes: What the cards say besides.
    """

    dataset: str
    sizes: tuple[str, ...]
    card: str
    models: tuple[str, ...]
    controls: tuple[str, ...]
    method: str = "auto"
    notes: tuple[str, ...] = ()


OF_NODES = ("class_mean", "random")
OF_GRAPHS = ("size", "random")
OF_IMAGES = ("random", "class_mean")
DRAWN = "The original was published without a split; this is the one that graphcond.datasets.load draws with seed 0."
REBUILT = (
    "The raw files were made again from the molecules with ogb.utils.features and rdkit 2022.9.5: labels, bonds and "
    "split are OGB's byte for byte, features of a few atoms and bonds differ."
)
WITHOUT_WHOLE = (
    "The whole original is not among the controls: training on it three times takes longer than all else together."
)

GROUPS = (
    Group(
        dataset="digits", sizes=("10", "50"), card="digits", models=("gcn",), controls=(*OF_NODES, "whole"),
        notes=(DRAWN,),
    ),
    Group(
        dataset="citeseer", sizes=("6", "30"), card="planetoid", models=("gcn",), controls=(*OF_NODES, "whole"),
    ),
    Group(
        dataset="cora", sizes=("7", "35", "70"), card="planetoid", models=("gcn",), controls=(*OF_NODES, "whole"),
    ),
    Group(
        dataset="ogbg-molbace", sizes=("10kB",), card="ogbn", models=("gin",), controls=OF_GRAPHS,
        notes=(WITHOUT_WHOLE,),
    ),
    Group(
        dataset="digit-images", sizes=("10/class",), card="digits", models=("convnet_w32",),
        controls=OF_IMAGES, method="dm(steps=500)", notes=(DRAWN, WITHOUT_WHOLE),
    ),
    Group(
        dataset="fashion-mnist", sizes=("1/class", "10/class"), card="fashion_mnist", models=("convnet_w32",),
        controls=OF_IMAGES, notes=(WITHOUT_WHOLE,),
        method="dm(steps=500, networks=20, validations=4, architecture=ConvNet(width=32))",
    ),
    Group(
        dataset="pubmed", sizes=("3", "15"), card="planetoid", models=("gcn",), controls=OF_NODES,
        notes=(WITHOUT_WHOLE,),
    ),
    Group(
        dataset="photo", sizes=("8", "40"), card="amazon", models=("gcn",), controls=OF_NODES,
        notes=(DRAWN, WITHOUT_WHOLE),
    ),
    Group(
        dataset="ogbg-molesol", sizes=("10kB",), card="ogbn", models=("gin",), controls=OF_GRAPHS,
        notes=(WITHOUT_WHOLE,),
    ),
    Group(
        dataset="tolokers", sizes=("30",), card="heterophilous", models=("gcn",), controls=OF_NODES,
        notes=("The original has 10 splits; this is of the first one (split=0).", WITHOUT_WHOLE),
    ),
    Group(
        dataset="ogbg-molhiv", sizes=("10kB",), card="ogbn", models=("gin",), controls=OF_GRAPHS,
        notes=(REBUILT, WITHOUT_WHOLE),
    ),
)  # fmt: skip
PROTOCOL = "standard(runs=3)"
SEED = 0


def name_of(group: Group, size: str) -> str:
    """Return the name of a set: the original's and the number of items, or bytes."""
    classes = graphcond.datasets.entry(group.dataset).num_classes
    items = str(classes * int(size.removesuffix("/class"))) if size.endswith("/class") else size.lower()
    return f"{group.dataset}-{items}"


def citation(card: str) -> str:
    """Return the BibTeX entry of a card of ``datasets/cards``."""
    return re.search(r"```bibtex\n(.*?)\n```", (CARDS / f"{card}.md").read_text("utf-8"), re.DOTALL)[1]


def make(group: Group, size: str, root: Path | None) -> ZooCard:
    """Condense, save, load, evaluate; return the card. A file that is there is evaluated, not made again."""
    name, entry = name_of(group, size), graphcond.datasets.entry(group.dataset)
    asked = size if not size.isdigit() else int(size)
    dataset = graphcond.datasets.load(group.dataset, root)
    path = FOLDER / f"{name}.safetensors"
    if not path.exists():
        graphcond.condense(dataset, size=asked, method=group.method, seed=SEED).save(path)
    small = graphcond.load(path)
    report = graphcond.evaluate(small, dataset, group.models, protocol=PROTOCOL, controls=group.controls)
    rows = [
        {key: row[key] for key in ("data", "model", "mean", "deviation", "bytes", "percent", "less_is_better")}
        | {"items": row["nodes"], "runs": len(row["scores"])}
        for row in report.to_dict()["rows"]
        if row["scores"]
    ]
    return ZooCard(
        name=name, dataset=group.dataset, description=entry.description, modality=small.modality,
        items=len(small) if small.modality == "graphs" else len(small[0].y), bytes=small.nbytes,
        file_bytes=path.stat().st_size, sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        licence=entry.licence, source=entry.source, citation=citation(group.card),
        made=f'graphcond.condense(graphcond.datasets.load("{group.dataset}"), size={asked!r}, '
        f"method={group.method!r}, seed={SEED})".replace("'", '"'),
        seed=SEED, versions=small.record.versions, protocol=PROTOCOL, metric=report.metric, scores=rows,
        report=str(report), notes=list(group.notes),
    )  # fmt: skip


def write_page(card: ZooCard) -> None:
    """Write the page of a card, as ``to_hub`` makes it."""
    small = graphcond.zoo.load(card.name)
    page = HubPage(
        title=card.name, licence=card.licence, source=f"{card.description}; {card.source}", citation=card.citation,
        report=card.report, notes=(*card.notes, f"Made by `{card.made}`.", f"SHA-256 of the file: `{card.sha256}`."),
    )  # fmt: skip
    text = page_text(small, FORMATS[card.modality].hub, page, f'graphcond.zoo.load("{card.name}")')
    with replacing(PAGES / f"{card.name}.md", overwrite=True) as temporary:
        temporary.write_text(text, "utf-8")


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="only these sets")
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--pages", action="store_true", help="write the pages of the cards anew, and make no set")
    options = parser.parse_args()
    wanted = {name_of(group, size): (group, size) for group in GROUPS for size in group.sizes}
    if unknown := set(options.names) - set(wanted):
        parser.error(f"there is no {', '.join(sorted(unknown))}; there are {', '.join(wanted)}")
    for name, (group, size) in wanted.items():
        target = FOLDER / f"{name}.json"
        if options.names and name not in options.names:
            continue
        if options.pages and target.exists():
            write_page(graphcond.zoo.card(name))
        if options.pages or target.exists():
            continue
        card = make(group, size, options.root)
        with replacing(target) as temporary:
            temporary.write_text(json.dumps(dataclasses.asdict(card), indent=1) + "\n", "utf-8")
        write_page(card)
        print(f"{name}: {card.file_bytes:,} bytes\n{card.report}\n", flush=True)


if __name__ == "__main__":
    main()
