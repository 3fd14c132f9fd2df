"""Evaluation of condensed graphs with labelled nodes."""
