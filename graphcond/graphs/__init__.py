"""Sets of graphs: reading graph datasets, colour refinement, closed itemsets, folded computation trees."""
