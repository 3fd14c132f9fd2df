"""What the recommenders that tables train are, a line each; apart from them, so that a list needs no torch."""

LINES = {
    "infinite_ae": "Infinitely wide autoencoder, fitted in closed form (Sachdeva et al., NeurIPS 2022).",
    "ease": "Linear item-item model, fitted in closed form (EASE: Steck, WWW 2019).",
    "als": "Matrix factorisation by alternating least squares, of `implicit` (Hu et al., ICDM 2008).",
    "item_knn": "Votes of the items that are most alike, by cosine or BM25, of `implicit`.",
    "bpr": "Matrix factorisation by Bayesian personalised ranking, of `implicit`; known users only.",
    "popularity": "The most popular items, for everybody.",
}


def list_models() -> dict[str, str]:
    """Return the name of every recommender that :func:`recsys.evaluate` trains, and what it is.

    >>> list_models()["popularity"]
    'The most popular items, for everybody.'
    """
    return dict(LINES)
