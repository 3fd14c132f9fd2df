"""Published rows of the tables of OGB's sets: scores in %, under each paper's own protocol."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """One published score.

    Args:
        method: Its name.
        model: The downstream model.
        score: In %.
        source: Where it stands; "not verified" where the figure was not read there.
    """

    method: str
    model: str
    score: str
    source: str


def _by_size(
    dataset: str, sizes: tuple[str, ...], method: str, model: str, scores: tuple[str, ...], source: str
) -> list[tuple[tuple[str, str], Published]]:
    pairs = zip(sizes, scores, strict=True)
    return [((dataset, size), Published(method, model, score, source)) for size, score in pairs]


ARXIV, BACE = ("ogbn-arxiv", ("90", "454", "909")), ("ogbg-molbace", ("10/class", "50/class"))
BBBP, HIV = ("ogbg-molbbbp", ("10/class", "50/class")), ("ogbg-molhiv", ("10/class", "50/class"))
GCONDENSER = "GCondenser, appendix, Table 4"
MIRAGE = "Mirage's released logs, best 5 of 10 runs; its own size"
ROWS = [
    *_by_size(*ARXIV, "GEOM", "gcn", ("65.5", "68.8", "69.6"), "GEOM's repository, scripts/evaluation.sh"),
    *_by_size(*ARXIV, "DeepCGC", "gcn", ("64.7", "68.2", "68.2"), "DeepCGC's repository, config"),
    *_by_size(*ARXIV, "SFGC", "gcn", ("65.5", "66.1", "66.8"), "SFGC, Table 1; not verified"),
    *_by_size(*ARXIV, "GCond", "gcn", ("59.2", "63.2", "64.0"), "GCond, Table 2; not verified"),
    *_by_size("ogbn-arxiv", ("90",), "GCond", "gcn", ("58.4",), GCONDENSER),
    *_by_size("ogbn-arxiv", ("90",), "DosCond", "gcn", ("60.4",), GCONDENSER),
    *_by_size("ogbn-arxiv", ("90",), "GCDM, one step, without edges", "gcn", ("64.5",), GCONDENSER),
    *_by_size("ogbn-products", ("612",), "GCond-X", "gcn", ("68.1",), "GCondenser, appendix, Figure 17"),
    *_by_size(*BACE, "DosCond", "gcn", ("67.4", "68.8"), "DosCond, Table 1; not verified"),
    *_by_size("ogbg-molbace", ("10kB",), "Mirage", "gin", ("74.3",), MIRAGE),
    *_by_size("ogbg-molbace", ("10kB",), "Mirage", "gat", ("75.3",), MIRAGE),
    *_by_size(*BBBP, "DosCond", "gcn", ("60.5", "62.0"), "DosCond, Table 1; not verified"),
    *_by_size(*HIV, "DosCond", "gcn", ("72.8", "73.1"), "DosCond, Table 1; not verified"),
    *_by_size("ogbg-molhiv", ("10kB",), "Mirage", "gin", ("71.1 ± 1.2",), MIRAGE),
    *_by_size("ogbg-molhiv", ("10kB",), "Mirage", "gat", ("71.7 ± 0.9",), MIRAGE),
]
PUBLISHED: dict[tuple[str, str], list[Published]] = {}
for _place, _row in ROWS:
    PUBLISHED.setdefault(_place, []).append(_row)
