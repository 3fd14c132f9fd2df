"""Evaluation recommenders, and what was condensed, on held-out interactions."""
