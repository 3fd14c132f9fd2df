"""Matching of real and synthetic data: what is learned, by what loss, step by step."""
