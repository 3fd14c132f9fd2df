"""Interactions: what they are, how they are read, written, checked and split."""
