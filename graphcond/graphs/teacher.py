"""The linear teacher: logistic regression on colour counts, chosen on validation graphs.

A linear model on the counts of Weisfeiler-Leman colours (Shervashidze et al., JMLR 2011) is a strong classifier that is
trained in seconds; condensed graphs take their soft labels from it.
"""

import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from graphcond.graphs.counts import Vocabulary, logarithmic
from graphcond.graphs.task import GraphSet, GraphTask

DEPTHS = (1, 2, 3)
INVERSE_PENALTIES = (0.1, 1.0)
MIN_GRAPHS = 3  # a colour that fewer training graphs have is left out
WITHOUT_VALIDATION = (2, 0.1)
ITERATIONS = 300


@dataclass(frozen=True, eq=False)
class GraphTeacher:
    """A fitted linear model on colour counts.

    Args:
        vocabulary: The colours it knows.
        model: The fitted model.
        num_classes: Number of classes.
        choices: What was chosen, with the validation scores, for the record.
    """

    vocabulary: Vocabulary
    model: LogisticRegression
    num_classes: int
    choices: Mapping[str, object]

    @property
    def depth(self) -> int:
        """Rounds of refinement behind its colours."""
        return len(self.vocabulary.levels) - 1

    def logits(self, graphs: GraphSet) -> np.ndarray:
        """Return the logits of graphs, ``(num_graphs, num_classes)``; for two classes they sum to 0."""
        return _logits(self.model, logarithmic(self.vocabulary.count(graphs)))


def teach(task: GraphTask, *, degrees: bool = False) -> GraphTeacher:
    """Return the teacher that does best on the validation graphs; with default settings if there are none."""
    grid = [(depth, c) for depth in DEPTHS for c in INVERSE_PENALTIES] if len(task.val) else [WITHOUT_VALIDATION]
    best: tuple[float, GraphTeacher] | None = None
    scores = {}
    y = task.train.y.numpy()
    for depth in sorted({depth for depth, _ in grid}):
        vocabulary = Vocabulary.of(task.train, depth, degrees=degrees, min_graphs=min(MIN_GRAPHS, len(task.train)))
        train, val = (logarithmic(vocabulary.count(part)) for part in (task.train, task.val))
        if not train.shape[1]:  # no colour is common enough: count them all
            vocabulary = Vocabulary.of(task.train, depth, degrees=degrees)
            train, val = (logarithmic(vocabulary.count(part)) for part in (task.train, task.val))
        for c in [c for d, c in grid if d == depth]:
            model = _fit(train, y, c)
            score = class_score(_logits(model, val), task.val.y.numpy()) if len(task.val) else 0.0
            scores[f"depth={depth}, C={c:g}"] = round(score, 4)
            if best is None or score > best[0]:
                choices: dict[str, object] = {"depth": depth, "C": c}
                best = score, GraphTeacher(vocabulary, model, task.num_classes, choices)
    assert best is not None
    chosen = best[1]
    return GraphTeacher(chosen.vocabulary, chosen.model, chosen.num_classes, {**chosen.choices, "scores": scores})


def class_score(logits: np.ndarray, y: np.ndarray) -> float:
    """Return ROC-AUC where there are two classes and both are present, else accuracy."""
    if logits.shape[1] == 2 and 0 < int(y.sum()) < len(y):
        return float(roc_auc_score(y, logits[:, 1] - logits[:, 0]))
    return float((logits.argmax(axis=1) == y).mean())


def probabilities(logits: np.ndarray) -> np.ndarray:
    """Return the softmax of logits, row by row."""
    shifted: np.ndarray = np.exp(logits - logits.max(axis=1, keepdims=True))
    result: np.ndarray = shifted / shifted.sum(axis=1, keepdims=True)
    return result


def _fit(counts: sp.csr_matrix, y: np.ndarray, c: float) -> LogisticRegression:
    solver = "liblinear" if int(y.max()) == 1 else "lbfgs"  # by far the faster one for two classes
    model = LogisticRegression(C=c, solver=solver, max_iter=ITERATIONS, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)  # the best by validation is taken, converged or not
        return model.fit(counts, y)


def _logits(model: LogisticRegression, counts: sp.csr_matrix) -> np.ndarray:
    scores = model.decision_function(counts)
    return np.stack([-scores / 2, scores / 2], axis=1) if scores.ndim == 1 else scores
