"""Honest evaluation: published protocols, downstream models, controls, tables."""

from graphcond.evaluation.evaluate import evaluate
from graphcond.evaluation.graph_protocol import GRAPH_PROTOCOLS, GraphProtocol
from graphcond.evaluation.protocol import PROTOCOLS, Protocol
from graphcond.evaluation.report import Report, Row

__all__ = ["GRAPH_PROTOCOLS", "PROTOCOLS", "GraphProtocol", "Protocol", "Report", "Row", "evaluate"]
