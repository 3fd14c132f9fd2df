"""Node classification: reading a dataset, feature propagation, budgets."""
