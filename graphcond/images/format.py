"""How condensed images are checked, counted and kept in a file."""

from torch_geometric.data import Data

from graphcond.core.format import Format, bytes_of, tensors_of
from graphcond.core.hub import HubWords
from graphcond.images.contents import check_image_data, image_counts

IMAGE_FORMAT = Format(
    modality="images",
    check=lambda items, classes: check_image_data(tensors_of(items[0]), classes),
    original=lambda items: {"shape": list(items[0].x.shape[1:])},
    counts=lambda items, classes: image_counts(tensors_of(items[0]), classes),
    nbytes=lambda items: bytes_of(tensors_of(items[0])),
    tensors=lambda items: tensors_of(items[0]),
    items=lambda tensors: [Data(**tensors)],
    stands_for=lambda items: len(items[0].y),
    described=lambda source, spent: (
        f"{source['num_images']:,} training images",
        f"{spent['images']:,} images",
    ),
    hub=HubWords(
        task="image-classification",
        counted="images",
        use="x, y = small.images()  # normalised as networks are to see them",
    ),
    shown=lambda items: f"images={len(items[0].y)}",
)
