"""Images as people see them: pixels in [0, 1], and PNG files in a text."""

import base64
import io
from typing import Any

import torch
from torch import Tensor

CLIPPED = 0.001
MAX_QUANTILE = 1_000_000  # pixels that are sorted at most


def shown_pixels(x: Tensor) -> Tensor:
    """Return images scaled so that the darkest thousandth of all pixels is black and the brightest white.

    Images with three channels stay in colour, others become the mean of their channels.

    Shapes:
        x: ``(n, channels, height, width)``; returned: ``(n, 3 or 1, height, width)`` in [0, 1].
    """
    shown = x if x.size(1) == 3 else x.mean(dim=1, keepdim=True)
    ends = torch.tensor([CLIPPED, 1 - CLIPPED])
    low, high = shown.flatten()[:: max(1, shown.numel() // MAX_QUANTILE)].quantile(ends)
    scaled: Tensor = ((shown - low) / (high - low).clamp(min=1e-12)).clamp(0, 1)
    return scaled


def pillow() -> Any:  # noqa: ANN401 (Pillow is optional)
    """Return the library that writes pictures.

    Raises:
        ImportError: it is not installed.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise ImportError("pictures need Pillow; install it with: pip install 'graphcond[report]'") from error
    return Image


def data_uri(image: Tensor) -> str:
    """Return one image, ``(3 or 1, height, width)`` in [0, 1], as a PNG that stands in the page itself.

    Raises:
        ImportError: Pillow is not installed.
    """
    pixels = (255 * image).round().byte()
    drawn = pillow().fromarray(pixels.squeeze(0).numpy() if len(pixels) == 1 else pixels.permute(1, 2, 0).numpy())
    file = io.BytesIO()
    drawn.save(file, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(file.getvalue()).decode()}"
