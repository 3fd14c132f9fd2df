"""Heterogeneous graphs with one labelled type of nodes: reading, propagation along meta-paths, methods, evaluation.

They are a modality of their own, because graph, result, size and networks are others; what is learned of the nodes,
its teacher's targets, clusters and placements are those of :mod:`graphcond.nodes`, on which this package stands.
"""
