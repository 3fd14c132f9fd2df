"""Implicit feedback: condense a user-item matrix into a few synthetic users, train and score recommenders on them."""

from typing import TYPE_CHECKING

from graphcond.core.lazy import lazy
from graphcond.core.runtime import openmp  # noqa: F401 (before all that imports torch)

if TYPE_CHECKING:
    from graphcond.synthetic.user_rows import GumbelRows, SoftmaxRows, TopKRows
    from recsys.api import condense, list_methods
    from recsys.condensed import CondensedInteractions, load
    from recsys.data.archives import read_archive
    from recsys.data.audit import audit
    from recsys.data.files import write_interactions
    from recsys.data.generated import generate_interactions
    from recsys.data.log import InteractionLog
    from recsys.data.reading import read_interactions
    from recsys.data.split import Holdout, Split
    from recsys.data.splitting import leave_one_out, random_split, strong_split, temporal_split, whole
    from recsys.evaluation.evaluate import evaluate
    from recsys.evaluation.memorisation import memorisation
    from recsys.evaluation.model_lines import list_models
    from recsys.methods.distill_cf import DistillCF
    from recsys.metrics.conventions import Convention
    from recsys.metrics.lists import Lists
    from recsys.models.ease import EASE
    from recsys.models.infinite_ae import InfiniteAE
else:
    __getattr__, __dir__ = lazy(__name__, __file__)

__all__ = [
    "EASE",
    "CondensedInteractions",
    "Convention",
    "DistillCF",
    "GumbelRows",
    "Holdout",
    "InfiniteAE",
    "InteractionLog",
    "Lists",
    "SoftmaxRows",
    "Split",
    "TopKRows",
    "audit",
    "condense",
    "evaluate",
    "generate_interactions",
    "leave_one_out",
    "list_methods",
    "list_models",
    "load",
    "memorisation",
    "random_split",
    "read_archive",
    "read_interactions",
    "strong_split",
    "temporal_split",
    "whole",
    "write_interactions",
]
