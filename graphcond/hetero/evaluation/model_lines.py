"""What the downstream models for heterogeneous graphs are, a line each; apart from them, as a list needs no torch."""

LINES = {
    "sage": "GraphSAGE of 2 layers, with means over the neighbours of each relation (Hamilton et al., NeurIPS 2017).",
    "rgcn": "Relational graph convolutional network of 2 layers (Schlichtkrull et al., ESWC 2018).",
    "hgt": "Heterogeneous graph transformer of 2 layers and 2 heads (Hu et al., WWW 2020).",
    "han": "Attention over neighbours, then over relations, 2 layers of 4 heads (HAN: Wang et al., WWW 2019).",
    "hetero_sgc": "Linear maps of all types, propagated 3 times, as HGCond condenses with (Gao et al., TKDE 2024).",
    "metapath_mlp": "Perceptron on features propagated along meta-paths; it reads sets without structure, too.",
}
