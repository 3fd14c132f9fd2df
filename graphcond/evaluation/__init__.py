"""Honest evaluation: published protocols, downstream models, controls, tables."""

from graphcond.evaluation.bench import bench
from graphcond.evaluation.bench_report import BenchReport
from graphcond.evaluation.comparison import Comparison, Sample, TestPart, compare
from graphcond.evaluation.evaluate import evaluate
from graphcond.evaluation.graph_protocol import GRAPH_PROTOCOLS, GraphProtocol
from graphcond.evaluation.image_models import KernelRegression
from graphcond.evaluation.image_protocol import IMAGE_PROTOCOLS, ImageProtocol
from graphcond.evaluation.protocol import PROTOCOLS, Protocol
from graphcond.evaluation.report import Report, Row
from graphcond.evaluation.scores import Scores, rank_images

__all__ = [
    "GRAPH_PROTOCOLS",
    "IMAGE_PROTOCOLS",
    "PROTOCOLS",
    "BenchReport",
    "Comparison",
    "GraphProtocol",
    "ImageProtocol",
    "KernelRegression",
    "Protocol",
    "Report",
    "Row",
    "Sample",
    "Scores",
    "TestPart",
    "bench",
    "compare",
    "evaluate",
    "rank_images",
]
