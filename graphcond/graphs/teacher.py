"""The linear teacher: a linear model on colour counts, chosen on validation graphs.

A linear model on the counts of Weisfeiler-Leman colours (Shervashidze et al., JMLR 2011) is strong and trained in
seconds; condensed graphs take their soft labels from it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from torch import Tensor

from graphcond.core.targets import Targets
from graphcond.graphs.counts import Vocabulary, logarithmic
from graphcond.graphs.linear_models import Outputs, linear_models
from graphcond.graphs.task import GraphSet, GraphTask

DEPTHS = (1, 2, 3)
MIN_GRAPHS = 3  # a colour that fewer training graphs have is left out
WITHOUT_VALIDATION = (2, 0.1)


@dataclass(frozen=True, eq=False)
class GraphTeacher:
    """A fitted linear model on colour counts.

    Args:
        vocabulary: The colours it knows.
        model: The fitted model.
        targets: What it predicts.
        choices: What was chosen, with the validation scores, for the record.
    """

    vocabulary: Vocabulary
    model: Outputs
    targets: Targets
    choices: Mapping[str, object]

    @property
    def depth(self) -> int:
        """Rounds of refinement behind its colours."""
        return len(self.vocabulary.levels) - 1

    def outputs(self, graphs: GraphSet, weight: np.ndarray | None = None) -> np.ndarray:
        """Return what a network would give for graphs, ``(num_graphs, outputs)``; logits of two classes sum to 0.

        Args:
            graphs: The graphs.
            weight: How often each node counts, see :meth:`graphcond.graphs.counts.Vocabulary.count`.
        """
        return self.model(logarithmic(self.vocabulary.count(graphs, weight)))

    def soft(self, outputs: np.ndarray, original: Tensor, condensed: Tensor, temperature: float = 1.0) -> Tensor:
        """Return soft targets from outputs, see :meth:`graphcond.graphs.linear_models.LinearModels.soft`."""
        models = linear_models(self.targets)
        return models.soft(models.tempered(outputs, temperature), original, condensed)


def teach(task: GraphTask, *, degrees: bool = False) -> GraphTeacher:
    """Return the teacher that does best on the validation graphs; with default settings if there are none."""
    models = linear_models(task.targets)
    grid = [(depth, c) for depth in DEPTHS for c in models.inverse_penalties] if len(task.val) else [WITHOUT_VALIDATION]
    best: tuple[float, GraphTeacher] | None = None
    scores = {}
    y = task.train.learned
    for depth in sorted({depth for depth, _ in grid}):
        vocabulary = Vocabulary.of(task.train, depth, degrees=degrees, min_graphs=min(MIN_GRAPHS, len(task.train)))
        train, val = (logarithmic(vocabulary.count(part)) for part in (task.train, task.val))
        if not train.shape[1]:  # no colour is common enough: count them all
            vocabulary = Vocabulary.of(task.train, depth, degrees=degrees)
            train, val = (logarithmic(vocabulary.count(part)) for part in (task.train, task.val))
        for c in [c for d, c in grid if d == depth]:
            model = models.fit(train, y, c)
            score = models.score(model(val), task.val.learned) if len(task.val) else 0.0
            scores[f"depth={depth}, C={c:g}"] = round(score, 4)
            if best is None or score > best[0]:
                choices: dict[str, object] = {"depth": depth, "C": c}
                best = score, GraphTeacher(vocabulary, model, task.targets, choices)
    assert best is not None
    chosen = best[1]
    return replace(chosen, choices={**chosen.choices, "scores": scores})
