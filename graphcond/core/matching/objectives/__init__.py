"""What must agree between real and synthetic data."""
