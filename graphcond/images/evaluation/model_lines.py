"""What the downstream models for images are, a line each; apart from the models, so that a list needs no torch."""

LINES = {
    "convnet": "3 convolutional blocks of 128 channels with instance normalisation, as in most tables.",
    "convnet_w32": "The same of 32 channels.",
    "convnet_w64": "The same of 64 channels.",
    "mlp": "Perceptron on the pixels.",
    "lenet": "LeNet-5 with ReLU units and max pooling (LeCun et al., 1998).",
    "alexnet": "AlexNet for small images (after Krizhevsky et al., NeurIPS 2012).",
    "ntk": "Kernel ridge regression with an infinitely wide network, which needs no training.",
}
