"""What a report shows of condensed images: the images by class, a map, and how classes share them."""

from collections.abc import Sequence
from typing import Any

import torch
from markupsafe import Markup

from graphcond.core.reporting.balance import balance
from graphcond.core.reporting.behind import behind
from graphcond.core.reporting.charts import MapPoints, MapWords, point_map
from graphcond.core.reporting.colours import Colouring, colouring_of
from graphcond.core.reporting.figures import ClassNames, Figure, Illustration, Panel, Section
from graphcond.core.reporting.projection import Projection, sampled
from graphcond.images.formation import expand, expand_labels
from graphcond.images.pictures import data_uri, pillow, shown_pixels
from graphcond.images.task import ImageTask, Scale

EACH = 20  # images of a class that are drawn
CLASSES = 30  # that are drawn
NARROW = 6  # images side by side for which half of a wide page is enough
MOST_HOVERED = 100  # images that hovering shows
PICTURE = Markup('<img src="{}" alt="{}" title="{}" width="52" height="{}">')
ROW = Markup('<div class="row"><div class="name">{}</div><div class="images">{}</div></div>')


def _sections(condensed: Any, task: ImageTask, names: ClassNames) -> Sequence[Section]:  # noqa: ANN401
    data = condensed[0]
    colouring = colouring_of(task.train.y, names)
    told: dict[str, Sequence[Any]] = {"synthetic image": list(range(len(data.y))), "class": colouring.told(data.y)}
    told |= behind(condensed.members, len(data.y), task.train.y, colouring, "training image")
    parts: list[Figure | Panel] = [
        _grid(data, told, names),
        _map(data, task, colouring, told),
        balance(task.train.y, data.y, None, names, "images"),
    ]
    return [Section(title="The images", parts=parts)]


def _formation(data: Any) -> int:  # noqa: ANN401
    return int(data.formation) if "formation" in data else 1


def _grid(data: Any, told: dict[str, Sequence[Any]], names: ClassNames) -> Panel:  # noqa: ANN401
    x, y = data.x, data.y
    shown = shown_pixels(x)
    height = round(52 * x.size(2) / x.size(3))
    labels = torch.unique(y).tolist()
    rows = []
    for label in labels[:CLASSES]:
        numbers = (y == label).nonzero().flatten().tolist()[:EACH]
        images = [
            PICTURE.format(data_uri(shown[i]), names(label), ", ".join(f"{k}: {v[i]}" for k, v in told.items()), height)
            for i in numbers
        ]
        rows.append(ROW.format(names(label), Markup("").join(images)))
    most = int(torch.bincount(y).max())
    left = [f"{EACH} of each class at most"] * (most > EACH) + [f"{CLASSES} of {len(labels)} classes"] * (
        len(labels) > CLASSES
    )
    caption = (
        "The darkest thousandth of all pixels is drawn black, the brightest white. Hover for what is behind an image."
        + (f" Each holds {factor} \u00d7 {factor} smaller images." if (factor := _formation(data)) > 1 else "")
        + (f" Drawn: {', '.join(left)}." if left else "")
    )
    body = Markup('<div class="pictures">{}</div>').format(Markup("").join(rows))
    return Panel(title="By class", body=body, caption=caption, wide=min(most, EACH) > NARROW)


def _map(data: Any, task: ImageTask, colouring: Colouring, told: dict[str, Sequence[Any]]) -> Figure:  # noqa: ANN401
    drawn = sampled(len(task.train))
    some = task.train.take(drawn)
    rows = task.scale.normalized(some.x).flatten(1)
    plane = Projection.of(rows)
    factor = _formation(data)
    x, y = Scale(data.mean, data.std).normalized(data.x), data.y
    said = dict(told)
    if factor > 1:
        x, y = expand(x, factor), expand_labels(y, factor)
        said = {"class": colouring.told(y)}
    elif len(y) <= MOST_HOVERED:
        said["image"] = [data_uri(image) for image in shown_pixels(data.x)]
    background = MapPoints(
        places=plane(rows), groups=colouring.groups(some.y),
        told={"training image": drawn.tolist(), "class": colouring.told(some.y)},
    )  # fmt: skip
    synthetic = MapPoints(places=plane(x.flatten(1)), groups=colouring.groups(y), told=said)
    axes = "The axes are the two leading principal components of the pixels."
    return point_map(
        background, synthetic, colouring, MapWords(unit="training images", total=len(task.train), axes=axes)
    )


IMAGE_ILLUSTRATION = Illustration(modality="images", counted={"images": "num_images"}, sections=_sections, needs=pillow)
