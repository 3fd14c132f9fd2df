r"""Scores that separate what condensed images are worth from what their labels are worth (DD-Ranking)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.evaluation.candidates import records_of
from graphcond.core.evaluation.evaluation import Asked, begin, resolve_protocol, rows_of
from graphcond.core.run import Run, check_run
from graphcond.core.runtime.devices import resolve_device
from graphcond.core.runtime.processes import alone
from graphcond.core.runtime.progress import resolve_progress, shows_progress
from graphcond.core.runtime.randomness import check_seed
from graphcond.core.words import PROGRESS, SEED, answers
from graphcond.images.evaluation.fit import given_images
from graphcond.images.evaluation.protocol import ImageProtocol
from graphcond.images.evaluation.value import CONTROLS, IMAGE_EVALUATION
from graphcond.surrogates.convnet import Architecture


@dataclass(frozen=True)
class DDRankingScores:
    r"""The label-robust score of DD-Ranking, and what it is made of.

    .. math:: \mathrm{LRS} = \frac{e^{\alpha} - e^{-1}}{e - e^{-1}}, \qquad
              \alpha = w\, \mathrm{IOR} - (1 - w)\, \mathrm{HLR}

    Args:
        hlr: Hard-label recovery: the accuracy that is lost against the whole original, both with hard labels; lower is
            better.
        ior: Improvement over random: the accuracy that is won over random images, both with labels of the same kind;
            higher is better.
        lrs: Both in one number, in [0, 1]; higher is better.
    """

    hlr: float
    ior: float
    lrs: float

    @classmethod
    def of(cls, own: float, own_hard: float, random: float, whole: float, *, weight: float = 0.5) -> "DDRankingScores":
        """Return the scores of some accuracies in [0, 1].

        Args:
            own: Of the condensed images with their labels, soft or hard.
            own_hard: Of the condensed images with hard labels.
            random: Of random images of the same number, with labels of the same kind as ``own``.
            whole: Of all original images with hard labels.
            weight: :math:`w`.

        Raises:
            ValueError: an accuracy or the weight is not in [0, 1].

        >>> DDRankingScores.of(own=0.75, own_hard=0.5, random=0.5, whole=0.75)
        DDRankingScores(hlr=0.25, ior=0.25, lrs=0.26894142136999516)
        """
        given = {"own": own, "own_hard": own_hard, "random": random, "whole": whole, "weight": weight}
        for name, value in given.items():
            if not 0 <= value <= 1:  # NaN is not, either
                raise ValueError(f"{name} must be in [0, 1], got {value!r}")
        hlr, ior = whole - own_hard, own - random
        alpha = weight * ior - (1 - weight) * hlr
        return cls(hlr, ior, (math.exp(alpha) - math.exp(-1)) / (math.e - math.exp(-1)))


@answers(SEED | PROGRESS)
@shows_progress("training")
@alone()
def rank_images(
    condensed: CondensedDataset | Data | Sequence[CondensedDataset] | Sequence[Data],
    dataset: object,
    model: str | Architecture = "convnet",
    *,
    whole: float | None = None,
    protocol: str | ImageProtocol = "standard",
    seed: int = 0,
    device: str | torch.device = "cpu",
    run: Run = Run(),
) -> DDRankingScores:
    """Return the scores of condensed images, after training on them, on random images and on the original.

    Both parts of the label-robust score weigh the same, as in DD-Ranking; :meth:`DDRankingScores.of` takes other
    weights.

    Args:
        condensed: As :func:`graphcond.evaluate` takes it.
        dataset: The original, with a test part.
        model: The downstream model.
        whole: The accuracy of the whole original with hard labels, in [0, 1], where it is known; ``None``: it is
            trained on, as often as on any set, which takes hours without a GPU.
        protocol: As :func:`graphcond.evaluate` takes it; its ``runs`` are the trainings of each set. Scores are
            accuracies, whatever metric it has.
        seed: First seed of the trainings.
        device: Where to train.
        run: Its ``progress``, see :class:`graphcond.Run`.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an argument with an unusable value, or images that do not fit the original.
    """
    progress = resolve_progress(check_run(run, only=("progress",), of="rank_images").progress)
    seed = check_seed(seed)
    DDRankingScores.of(0.0, 0.0, 0.0, 0.0 if whole is None else whole)  # refused before any work
    by_accuracy = replace(resolve_protocol(IMAGE_EVALUATION, protocol), metric="accuracy")
    asked = Asked.of(IMAGE_EVALUATION, [model], by_accuracy, False, seed=seed, device=resolve_device(device))
    several = given_images(condensed)
    setting, own = begin(asked, several, IMAGE_EVALUATION.read(dataset, records_of(several)))
    soft = any("y_soft" in data or "target" in data for data in own.sets)
    beside = ["random_soft" if soft else "random"]
    if whole is None:
        beside.append("whole")
    controls = [CONTROLS[name].candidate(name, setting, several) for name in beside]
    rows = rows_of(setting, [own, *controls], asked.models, progress)
    for row in rows:
        if not row.scores:
            raise ValueError(f"the scores need an accuracy of {row.data!r} under {row.model!r}, which is {row.note}")
    full = rows[2].mean if whole is None else whole
    return DDRankingScores.of(rows[0].own_mean, rows[0].mean, rows[1].own_mean, full)
