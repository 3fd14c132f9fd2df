"""Evaluation of condensed sets of graphs."""
