"""Condense sentences: a few synthetic ones, rows of word embeddings with soft labels, train a network like thousands.

python examples/text.py

A sentence is an image with one channel, whose rows are its words and whose columns are the numbers of their embedding.
So what condenses images by back-propagation through training (DD) condenses texts, with learned labels (Sucholutsky and
Schonlau, "Soft-Label Dataset Distillation and Text Dataset Distillation", IJCNN 2021). The sentences here are generated
by a small grammar, and words are embedded by which stand together, so that nothing has to be downloaded; put your own
``(sentences, labels)`` and any embedding in their place.
"""

import numpy as np
import torch
from torch import Tensor, nn

import graphcond
from graphcond import DD

WORDS = 12  # of a sentence: shorter ones are filled up with zeros, longer ones cut
DIMENSIONS = 24
GOOD = ["good", "great", "lovely", "fine", "superb", "bright", "charming", "clever", "fresh", "moving", "warm", "witty"]
BAD = ["bad", "awful", "dull", "poor", "silly", "flat", "clumsy", "boring", "stale", "hollow", "cold", "bland"]
THINGS = ["film", "story", "plot", "cast", "music", "ending", "script", "scene", "acting", "dialogue", "camera", "hero"]
FILLERS = ["today", "again", "perhaps", "somehow", "really", "quite", "rather", "overall", "frankly", "still", "then"]
LIKED, LEFT = ["loved", "enjoyed", "praised", "applauded"], ["hated", "left", "regretted", "mocked"]
TIMES = ["in the second half", "for two hours", "on the big screen", "at the festival", "with my friends"]


def sentence(chance: np.random.Generator, positive: bool) -> list[str]:
    """Return a sentence that praises or pans something; one in six does so by "not"."""
    negated = chance.random() < 1 / 6
    adjective = chance.choice(GOOD if positive != negated else BAD)
    claim = ["the", chance.choice(THINGS), "is", *(["not"] if negated else []), chance.choice(FILLERS), adjective]
    verdict = ["we", chance.choice(LIKED if positive else LEFT), "it"] if chance.random() < 1 / 3 else []
    parts = [claim, verdict, chance.choice(TIMES).split()]
    return [word for i in chance.permutation(len(parts)) for word in parts[i]]


def corpus(number: int, seed: int) -> tuple[list[list[str]], Tensor]:
    """Return sentences and whether they praise."""
    chance = np.random.default_rng(seed)
    labels = chance.random(number) < 0.5
    return [sentence(chance, bool(label)) for label in labels], torch.from_numpy(labels).long()


def embedding(sentences: list[list[str]]) -> dict[str, np.ndarray]:
    """Return a vector for each word: the leading directions of what words say of one another (Levy and Goldberg, 2014).

    That is the positive logarithm of how much more often two words stand in one sentence than by chance.
    """
    vocabulary = sorted({word for words in sentences for word in words})
    number = {word: i for i, word in enumerate(vocabulary)}
    counts = np.zeros((len(sentences), len(vocabulary)))
    for row, words in zip(counts, sentences, strict=True):
        row[[number[word] for word in words]] = 1
    together, alone = counts.T @ counts, counts.sum(axis=0)
    surprise = np.log(np.maximum(together * len(sentences) / np.outer(alone, alone), 1))
    left, values, _ = np.linalg.svd(surprise)
    vectors = left[:, :DIMENSIONS] * np.sqrt(values[:DIMENSIONS])
    return dict(zip(vocabulary, vectors.astype(np.float32), strict=True))


def embedded(sentences: list[list[str]], vectors: dict[str, np.ndarray]) -> Tensor:
    """Return sentences as images, ``(number, 1, words, dimensions)``; words without a vector are zeros."""
    x = np.zeros((len(sentences), 1, WORDS, DIMENSIONS), np.float32)
    for row, words in zip(x, sentences, strict=True):
        for place, word in enumerate(words[:WORDS]):
            row[0, place] = vectors.get(word, 0.0)
    return torch.from_numpy(x)


class TextConvNet(nn.Module):
    """Convolutions over two and three words and the largest answer of each (Kim, EMNLP 2014)."""

    def __init__(self, shape: tuple[int, int, int], num_classes: int, width: int = 16) -> None:
        super().__init__()
        self.convolutions = nn.ModuleList(nn.Conv2d(1, width, (words, shape[2])) for words in (2, 3))
        self.output = nn.Linear(2 * width, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Return the logits of sentences."""
        answers = [convolution(x).relu().flatten(2).amax(dim=2) for convolution in self.convolutions]
        return self.output(torch.cat(answers, dim=1))


def nearest_words(x: Tensor, vectors: dict[str, np.ndarray]) -> str:
    """Return the words whose vectors are nearest to those of a synthetic sentence, ``(words, dimensions)``."""
    table = torch.from_numpy(np.stack(list(vectors.values())))
    return " ".join(list(vectors)[i] for i in torch.cdist(x, table).argmin(dim=1))


def main(number: int = 4000, steps: int = 200, runs: int = 3) -> tuple[float, float]:
    """Return the accuracy of networks that are trained on 10 synthetic sentences, and on 10 random ones."""
    sentences, labels = corpus(number, seed=0)
    vectors = embedding(sentences)
    test, test_labels = corpus(1000, seed=1)
    dataset = graphcond.ImageDataset(
        (embedded(sentences, vectors), labels),
        test=(embedded(test, vectors), test_labels),
        name="sentences",
        classes=("pans", "praises"),
    )
    method = DD(architecture=TextConvNet, soft_labels=True, step_size=0.05, steps=steps)
    small = graphcond.condense(dataset, size="5/class", method=method)
    print(small)
    for x, soft in zip(small[0].x[::3], small[0].y_soft[::3], strict=True):
        print(f"  praises {soft[1]:.2f}: {nearest_words(x[0], vectors)}")

    protocol = graphcond.evaluation.ImageProtocol(learning_rate=0.05, whole_epochs=40, runs=runs)
    report = graphcond.evaluate(small, dataset, models=[TextConvNet], protocol=protocol, controls=["random", "whole"])
    print(report)
    scores = {row.data: row.own_mean if row.own_scores else row.mean for row in report.rows}
    return scores["sldd"], scores["random"]


if __name__ == "__main__":
    main()
