"""Honest evaluation: published protocols, downstream models, controls, tables."""

from graphcond.evaluation.evaluate import evaluate
from graphcond.evaluation.protocol import PROTOCOLS, Protocol
from graphcond.evaluation.report import Report, Row

__all__ = ["PROTOCOLS", "Protocol", "Report", "Row", "evaluate"]
