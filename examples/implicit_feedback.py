"""Condense implicit feedback, train implicit's ALS on the synthetic users, and serve the real ones.

python examples/implicit_feedback.py [FILE]       # columns user_id, item_id[, weight, datetime]; default: made up
"""

import sys

from implicit.cpu.als import AlternatingLeastSquares
from implicit.evaluation import ranking_metrics_at_k
from threadpoolctl import threadpool_limits

import recsys


def main(path: str | None = None) -> tuple[float, float]:
    """Return NDCG@10 of ALS that was trained on synthetic users, and on as many interactions of real ones."""
    source = recsys.generate_interactions(2000, 400, 60_000, seed=0) if path is None else path
    split = recsys.random_split(source, val=0.1, test=0.2)
    scores = []
    for method in ("distill_cf", "random_users"):
        small = recsys.condense(split, users=100, interactions=2000, method=method)
        with threadpool_limits(1, "blas"):  # implicit has threads of its own, and warns of others
            model = AlternatingLeastSquares(factors=32, regularization=1.0, alpha=5.0, random_state=0)
            model.fit(small.user_items, show_progress=False)  # an ordinary SciPy matrix, users x items

        # Real users are folded in: their factors follow from the items', which the synthetic users have shaped.
        model.user_factors = model.recalculate_user(range(split.num_users), split.test.context)
        found = ranking_metrics_at_k(model, split.test.context, split.test.targets, K=10, show_progress=False)
        print(f"{small!r}: NDCG@10 {100 * found['ndcg']:.1f} %")
        scores.append(float(found["ndcg"]))
    return scores[0], scores[1]


if __name__ == "__main__":
    main(*sys.argv[1:])
