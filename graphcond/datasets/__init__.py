"""Named datasets behind one call, most loaded by PyG's or OGB's own class, four of them without any download.

>>> from graphcond.datasets import load
>>> digits = load("digits")
>>> digits[0].num_nodes, digits.num_classes
(1797, 10)
"""

from typing import TYPE_CHECKING

from graphcond.core.lazy import lazy

if TYPE_CHECKING:
    from graphcond.datasets.catalogue import entry, list_datasets, load
    from graphcond.datasets.entries import Entry
    from graphcond.datasets.files import resolve_root
    from graphcond.datasets.folders import load_folder, save_folder
    from graphcond.datasets.ogb import ogb_loading
else:
    __getattr__, __dir__ = lazy(__name__, __file__)

__all__ = ["Entry", "entry", "list_datasets", "load", "load_folder", "ogb_loading", "resolve_root", "save_folder"]
