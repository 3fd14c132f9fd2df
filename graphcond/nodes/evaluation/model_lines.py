"""What the downstream models for nodes are, a line each; apart from the models, so that a list needs no torch."""

LINES = {
    "gcn": "Graph convolutional network of 2 layers (Kipf and Welling, ICLR 2017).",
    "sgc": "Linear classifier on twice propagated features (SGC: Wu et al., ICML 2019).",
    "sage": "GraphSAGE of 2 layers, which averages over neighbours (Hamilton et al., NeurIPS 2017).",
    "gat": "Graph attention network of 2 layers (Velickovic et al., ICLR 2018).",
    "appnp": "Perceptron whose logits are propagated 10 times with teleport (Gasteiger et al., ICLR 2019).",
    "cheb": "Chebyshev convolutions of order 2, 2 layers (Defferrard et al., NeurIPS 2016).",
    "gprgnn": "Perceptron whose logits are mixed over 10 hops with learned weights (GPR-GNN: Chien et al., ICLR 2021).",
    "bernnet": "Perceptron behind a learned Bernstein filter of order 10 (He et al., NeurIPS 2021).",
    "mlp": "Perceptron of 2 layers on the features alone, without edges.",
}
