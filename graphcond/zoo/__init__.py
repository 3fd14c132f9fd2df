"""Condensed sets that come with the package, each with a card: where it is from, how it was made, what it scores.

>>> from graphcond import zoo
>>> data = zoo.load("cora-7")[0]  # train on it as on any Data, test on Cora
>>> data.num_nodes, data.num_features
(7, 1433)
"""

from typing import TYPE_CHECKING

from graphcond.core.lazy import lazy

if TYPE_CHECKING:
    from graphcond.zoo.shelf import ZooCard, card, list, load
else:
    __getattr__, __dir__ = lazy(__name__, __file__)

__all__ = ["ZooCard", "card", "list", "load"]
