"""Evaluation of condensed heterogeneous graphs."""
