"""What the downstream models for graphs are, a line each; apart from the models, so that a list needs no torch."""

LINES = {
    "gcn": "Graph convolutional network (Kipf and Welling, ICLR 2017).",
    "gin": "Graph isomorphism network, with a perceptron in each layer (Xu et al., ICLR 2019).",
    "gat": "Graph attention network of 4 heads (Velickovic et al., ICLR 2018).",
    "gine": "Graph isomorphism network that reads features of edges (Hu et al., ICLR 2020).",
    "sage": "GraphSAGE, which averages over neighbours (Hamilton et al., NeurIPS 2017).",
}
