"""Parameterisations: what of the synthetic data is learned."""
