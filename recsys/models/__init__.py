"""Recommenders that train on real and synthetic users alike."""
