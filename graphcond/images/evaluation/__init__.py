"""Evaluation of condensed images."""
