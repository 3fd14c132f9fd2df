"""How good lists of recommendations are, and what libraries and papers mean by it."""
