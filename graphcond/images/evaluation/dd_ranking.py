r"""Scores that separate what condensed images are worth from what their labels are worth (DD-Ranking)."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch_geometric.data import Data

from graphcond.condensed import CondensedDataset
from graphcond.core.evaluation.candidates import Rules
from graphcond.core.runtime.devices import resolve_device
from graphcond.core.runtime.processes import alone
from graphcond.core.runtime.progress import ProgressCallback, resolve_progress, shows_progress
from graphcond.core.runtime.randomness import check_seed
from graphcond.images.evaluation.candidates import image_sets, own_candidate
from graphcond.images.evaluation.controls import image_control
from graphcond.images.evaluation.evaluate import judged, read_for_judging
from graphcond.images.evaluation.models import image_kinds
from graphcond.images.evaluation.protocol import ImageProtocol, resolve_image_protocol
from graphcond.surrogates.convnet import Architecture


@dataclass(frozen=True)
class Scores:
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
    def of(cls, own: float, own_hard: float, random: float, whole: float, *, weight: float = 0.5) -> "Scores":
        """Return the scores of some accuracies in [0, 1].

        Args:
            own: Of the condensed images with their labels, soft or hard.
            own_hard: Of the condensed images with hard labels.
            random: Of random images of the same number, with labels of the same kind as ``own``.
            whole: Of all original images with hard labels.
            weight: :math:`w`.

        Raises:
            ValueError: an accuracy or the weight is not in [0, 1].

        >>> Scores.of(own=0.75, own_hard=0.5, random=0.5, whole=0.75)
        Scores(hlr=0.25, ior=0.25, lrs=0.26894142136999516)
        """
        given = {"own": own, "own_hard": own_hard, "random": random, "whole": whole, "weight": weight}
        for name, value in given.items():
            if not 0 <= value <= 1:  # NaN is not, either
                raise ValueError(f"{name} must be in [0, 1], got {value!r}")
        hlr, ior = whole - own_hard, own - random
        alpha = weight * ior - (1 - weight) * hlr
        return cls(hlr, ior, (math.exp(alpha) - math.exp(-1)) / (math.e - math.exp(-1)))


@shows_progress("training")
@alone()
def rank_images(
    condensed: CondensedDataset | Data | Sequence[CondensedDataset] | Sequence[Data],
    dataset: object,
    model: str | Architecture = "convnet",
    *,
    whole: float | None = None,
    protocol: str | ImageProtocol = "standard",
    runs: int = 3,
    weight: float = 0.5,
    seed: int = 0,
    device: str | torch.device = "cpu",
    progress: ProgressCallback | bool | None = None,
) -> Scores:
    """Return the scores of condensed images, after training on them, on random images and on the original.

    Args:
        condensed: As :func:`graphcond.evaluate` takes it.
        dataset: The original, with a test part.
        model: The downstream model.
        whole: The accuracy of the whole original with hard labels, in [0, 1], where it is known; ``None``: it is
            trained on, ``runs`` times, which takes hours without a GPU.
        protocol: As :func:`graphcond.evaluate` takes it.
        runs: Trainings of each set.
        weight: Of the improvement over random, in [0, 1]; DD-Ranking's is one half.
        seed: First seed of the trainings.
        device: Where to train.
        progress: ``True``: show a bar on standard error; ``None``: show one on a terminal and in a notebook, once the
            work has taken two seconds; ``False``: show none. A function is called with a :class:`graphcond.Progress`
            after each training.

    Raises:
        TypeError: an argument of the wrong type.
        ValueError: an argument with an unusable value, or images that do not fit the original.
    """
    seed, progress = check_seed(seed), resolve_progress(progress)
    Scores.of(0.0, 0.0, 0.0, 0.0 if whole is None else whole, weight=weight)  # refused before any work
    kinds = image_kinds([model])
    rules = Rules(resolve_image_protocol(protocol), "accuracy", runs, seed, resolve_device(device))
    task = read_for_judging(dataset, kinds, rules)
    own = own_candidate(image_sets(condensed), task)
    soft = any("y_soft" in data or "target" in data for data in own.sets)
    plan = [own, image_control("random_soft" if soft else "random", own, task)]
    if whole is None:
        plan.append(image_control("whole", own, task))
    rows = judged([(candidate, rules) for candidate in plan], kinds, task, progress)
    for row in rows:
        if not row.scores:
            raise ValueError(f"the scores need an accuracy of {row.data!r} under {row.model!r}, which is {row.note}")
    full = rows[2].mean if whole is None else whole
    return Scores.of(rows[0].own_mean, rows[0].mean, rows[1].own_mean, full, weight=weight)
