"""What a report shows of condensed interactions: users on a map, the nearest real ones, the popularity of items."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse import csr_matrix, vstack
from sklearn.decomposition import TruncatedSVD
from sklearn.manifold import TSNE
from sklearn.preprocessing import normalize
from torch import Tensor

from graphcond.core.html import table
from graphcond.core.reporting.balance import number_ranges
from graphcond.core.reporting.charts import PAIR, MapPoints, MapWords, lines, paired_bars, point_map
from graphcond.core.reporting.colours import NumberColouring
from graphcond.core.reporting.figures import ClassNames, Figure, Illustration, Panel, Section
from graphcond.core.reporting.projection import Projection, sampled
from recsys.condensed import CondensedInteractions
from recsys.data.split import Split
from recsys.evaluation.memorisation import Memorisation, memorisation

MOST_USERS = 1000  # real users on the map
DIRECTIONS = 32  # singular directions of the interactions that the map is made of
NEIGHBOURS = 30.0  # t-SNE's perplexity
FEWEST = 8  # users or items below which there is nothing to be reduced
COMPARED = 300  # real users whose nearest other real user is looked for
LISTED = 8  # synthetic users in the table
BINS = 10  # of similarities
PLACES = 80  # along a curve


def _sections(condensed: CondensedInteractions, split: Split, _: ClassNames) -> Sequence[Section]:
    near = memorisation(condensed.user_items, split.train, sample=COMPARED)
    users: list[Figure | Panel] = [_map(condensed, split, near), _similarities(near), _nearest(condensed, split, near)]
    counts = (_activity(split.train).unsqueeze(1).double(), _activity(condensed.user_items).unsqueeze(1).double())
    items = [_popularity(condensed, split), _by_rank(condensed, split)]
    activity = number_ranges(*counts, "users", "Interactions of a user, the sum of their weights")
    return [
        Section(title="The users", parts=[*users, activity]),
        Section(title="The items", parts=items),
    ]


def _activity(matrix: csr_matrix) -> Tensor:
    """Return the weight of each user's interactions, ``(num_users,)``."""
    return torch.from_numpy(np.asarray(matrix.sum(axis=1)).ravel().astype(np.float32))


def _map(condensed: CondensedInteractions, split: Split, near: Memorisation) -> Figure:
    drawn = sampled(split.num_users, MOST_USERS).numpy()
    places = _places(split.train[drawn], condensed.user_items)
    activity = _activity(split.train[drawn])
    colouring = NumberColouring.of(activity.log10(), "interactions, logarithm to base 10")
    own = _activity(condensed.user_items)
    told: dict[str, Sequence[Any]] = {
        "synthetic user": condensed.user_ids.tolist(),
        "interactions": np.diff(condensed.user_items.indptr).tolist(),
        "sum of weights": [f"{one:.4g}" for one in own.tolist()],
        "nearest real user": _names(split, near),
        "similarity": [f"{one:.2f}" for one in near.similarity],
    }
    background = MapPoints(
        places=places[: len(drawn)], groups=colouring.groups(activity.log10()),
        told={"user": split.user_ids[drawn].tolist(), "interactions": np.diff(split.train[drawn].indptr).tolist()},
    )  # fmt: skip
    synthetic = MapPoints(places=places[len(drawn) :], groups=colouring.groups(own.clamp(min=1e-6).log10()), told=told)
    shape = (len(places), split.num_items)
    axes = (
        "The axes are the two leading principal components of the users' interactions."
        if min(shape) <= FEWEST
        else f"Users with similar items lie near one another (t-SNE of {_width(shape)} singular directions); far "
        "distances mean nothing."
    )
    return point_map(background, synthetic, colouring, MapWords(unit="real users", total=split.num_users, axes=axes))


def _places(real: csr_matrix, small: csr_matrix) -> np.ndarray:
    """Return where users are on the map, those of both sets end to end, ``(n, 2)``.

    Most pairs of users share no item, so that a plane of singular directions shows a few popular items and nothing
    else; t-SNE keeps who is near whom.
    """
    rows = normalize(vstack([real, small]))
    if min(rows.shape) <= FEWEST:
        dense = torch.from_numpy(rows.toarray())
        return Projection.of(dense)(dense)
    with np.errstate(divide="ignore", invalid="ignore"):  # of the share of a variance that is zero
        reduced = TruncatedSVD(_width(rows.shape), random_state=0).fit_transform(rows)
    near = min(NEIGHBOURS, (len(reduced) - 1) / 3)
    return np.asarray(TSNE(perplexity=near, init="pca", random_state=0, n_jobs=1).fit_transform(reduced))


def _width(shape: tuple[int, int]) -> int:
    """Return the number of singular directions of interactions of some shape."""
    return min(DIRECTIONS, *(side - 1 for side in shape))


def _names(split: Split, near: Memorisation) -> list[str]:
    return ["none shares an item" if i < 0 else str(split.user_ids[i]) for i in near.nearest.tolist()]


def _similarities(near: Memorisation) -> Figure:
    edges = np.linspace(0, 1, BINS + 1)
    real, synthetic = (np.histogram(one, edges)[0] / len(one) for one in (near.among_real, near.similarity))
    last = int(np.flatnonzero(real + synthetic).max()) + 1
    names = [f"{low:.1f} to {high:.1f}" for low, high in itertools.pairwise(edges[: last + 1])]
    chart = paired_bars(names, real[:last].tolist(), synthetic[:last].tolist(), "share of users")
    caption = (
        "Jaccard similarity of synthetic users to the nearest real one, beside that of "
        f"{len(near.among_real):,} real users to the nearest other. Exact copies: {near.synthetic.exact:.1%} of the "
        f"synthetic, {near.real.exact:.1%} of the real users."
    )
    legend = (("real to nearest other real", PAIR[0][1], "dot"), ("synthetic to nearest real", PAIR[1][1], "dot"))
    return Figure(title="How near they come to real users", chart=chart, legend=legend, caption=caption)


def _nearest(condensed: CondensedInteractions, split: Split, near: Memorisation) -> Panel:
    order = np.argsort(-near.similarity, kind="stable")[:LISTED]
    ids, names, counts = condensed.user_ids, _names(split, near), np.diff(condensed.user_items.indptr)
    rows = [(ids[i], names[i], f"{near.similarity[i]:.2f}", f"{counts[i]:,}") for i in order]
    body = table(("synthetic user", "nearest real user", "similarity", "interactions"), rows, text_columns=2)
    caption = "Synthetic users have the items whose weights are above 0.5."
    return Panel(title="The nearest pairs", body=body, caption=caption, wide=False)


def _popularity(condensed: CondensedInteractions, split: Split) -> Figure:
    """Return what share of interactions the most popular items have, ranked by the original."""
    many, few = (np.asarray(matrix.sum(axis=0)).ravel() for matrix in (split.train, condensed.user_items))
    order = np.argsort(-many, kind="stable")
    places = np.unique(np.linspace(0, len(order), PLACES).astype(np.int64))
    series = {
        name: (places / len(order), np.concatenate([[0], (counts[order] / counts.sum()).cumsum()])[places])
        for name, counts in (("original", many), ("condensed", few))
    }
    chart = lines(series, ("share of items, the most popular first", "their share of interactions"), log=False)
    caption = "Items stand in the order of their popularity in the original for both curves."
    return Figure(title="Popularity", chart=chart, legend=_line_legend(), caption=caption)


def _by_rank(condensed: CondensedInteractions, split: Split) -> Figure:
    series = {}
    for name, matrix in (("original", split.train), ("condensed", condensed.user_items)):
        counts = np.sort(np.asarray(matrix.sum(axis=0)).ravel())[::-1]
        counts = counts[counts > 0]
        ranks = np.unique(np.geomspace(1, len(counts), PLACES).astype(np.int64))
        series[name] = (ranks, counts[ranks - 1] / counts.sum())
    chart = lines(series, ("rank of an item", "its share of interactions"), log=True)
    few, many = (len(np.unique(matrix.indices)) for matrix in (condensed.user_items, split.train))
    caption = f"Each set ranks its own items. {few:,} of {many:,} items occur in the condensed data."
    return Figure(title="By rank", chart=chart, legend=_line_legend(), caption=caption)


def _line_legend() -> tuple[tuple[str, str, str], ...]:
    return tuple((name, colour, "line") for name, colour, _ in PAIR)


USER_ILLUSTRATION = Illustration(
    modality="interactions", counted={"users": "num_users", "interactions": "num_interactions"}, sections=_sections
)
