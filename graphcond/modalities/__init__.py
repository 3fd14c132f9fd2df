"""What ``condense`` does with a dataset of each kind."""
