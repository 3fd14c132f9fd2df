"""Frequent sets of computation trees."""
