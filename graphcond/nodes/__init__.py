"""Nodes of one graph: reading a dataset, feature propagation, budgets."""
