"""Honest evaluation: published protocols, downstream models, controls, tables."""

from graphcond.core.evaluation.comparison import Comparison, Sample, TestPart, compare
from graphcond.core.evaluation.linear_probe import LinearProbe
from graphcond.core.evaluation.report import Report, Row
from graphcond.evaluation.bench import bench
from graphcond.evaluation.bench_report import BenchReport
from graphcond.evaluation.evaluate import evaluate
from graphcond.evaluation.workers import Workers
from graphcond.graphs.evaluation.protocol import GRAPH_PROTOCOLS, GraphProtocol
from graphcond.hetero.evaluation.protocol import HETERO_PROTOCOLS, HeteroProtocol
from graphcond.images.evaluation.dd_ranking import DDRankingScores, rank_images
from graphcond.images.evaluation.models import KernelRegression
from graphcond.images.evaluation.protocol import IMAGE_PROTOCOLS, ImageProtocol
from graphcond.nodes.evaluation.protocol import PROTOCOLS, Protocol

__all__ = [
    "GRAPH_PROTOCOLS",
    "HETERO_PROTOCOLS",
    "IMAGE_PROTOCOLS",
    "PROTOCOLS",
    "BenchReport",
    "Comparison",
    "DDRankingScores",
    "GraphProtocol",
    "HeteroProtocol",
    "ImageProtocol",
    "KernelRegression",
    "LinearProbe",
    "Protocol",
    "Report",
    "Row",
    "Sample",
    "TestPart",
    "Workers",
    "bench",
    "compare",
    "evaluate",
    "rank_images",
]
