"""The image methods, looked up by name or passed as values."""

from collections.abc import Callable
from functools import partial

from graphcond.core.experts import ExpertPlan
from graphcond.core.replay import Window
from graphcond.core.settings import built, by_name
from graphcond.core.training import Training
from graphcond.images.augmentation import PHOTOGRAPHS
from graphcond.methods.cafe import CAFE
from graphcond.methods.dc import DC
from graphcond.methods.dd import DD
from graphcond.methods.dm import DM
from graphcond.methods.frepo import FRePO
from graphcond.methods.idc import IDC
from graphcond.methods.idm import IDM
from graphcond.methods.image_base import ImageMethod
from graphcond.methods.image_forms import Formations, Hallucinations, Memory, Stored
from graphcond.methods.image_selection import (
    ClassMeanImages,
    HerdingImages,
    KCenterImages,
    RandomImages,
    RandomSoftImages,
)
from graphcond.methods.kip import KIP
from graphcond.methods.mtt import MTT
from graphcond.methods.rfad import RFAD
from graphcond.surrogates.convnet import ConvNet, Perceptron

CLASSES: tuple[type[ImageMethod], ...] = (
    CAFE, DC, DD, DM, FRePO, IDC, IDM, KIP, MTT, RFAD,
    ClassMeanImages, HerdingImages, KCenterImages, RandomImages, RandomSoftImages,
)  # fmt: skip
DEFAULT = DM
VARIANTS: dict[str, tuple[Callable[[], ImageMethod], str]] = {
    "auto": (DEFAULT, f"The default: {DEFAULT.name}."),
    "datm": (
        partial(MTT, window=Window(latest=14, opened=4, widened_every=20), soft_labels="expert"),
        "MTT from early to late checkpoints, with learned soft labels.",
    ),
    "dcc": (partial(DC, per_class=False), "DC on the summed gradients of all classes."),
    "dsa": (partial(DC, operations=PHOTOGRAPHS), "DC with both sides augmented alike."),
    "ftd": (
        partial(MTT, experts=ExpertPlan(number=5, training=Training(momentum=0.0, sharpness=0.01))),
        "MTT with experts on flat ground.",
    ),
    "haba": (partial(DM, form=Hallucinations()), "DM on images that small networks make of a few."),
    "linba": (
        partial(DD, form=Memory(), unroll_steps=50),
        "Back-propagation through training, on combinations of shared bases.",
    ),
    "tesla": (partial(MTT, exact=False, soft_labels="classes"), "MTT without terms across steps, with soft labels."),
}
VALUES = by_name((ConvNet, ExpertPlan, Formations, Hallucinations, Memory, Perceptron, Stored, Training, Window))
"""What may be written as a setting of a method, such as ``dm(architecture=ConvNet(width=32))``."""
IMAGE_METHODS: dict[str, Callable[[], ImageMethod]] = {
    **{method.name: method for method in CLASSES},
    **{name: make for name, (make, _) in VARIANTS.items()},
}


def list_image_methods() -> dict[str, str]:
    """Return the name of every method for images, and the first line of its description."""
    lines = {method.name: (method.__doc__ or "").strip().splitlines()[0] for method in CLASSES}
    return dict(sorted((lines | {name: line for name, (_, line) in VARIANTS.items()}).items()))


def resolve_image_method(method: object) -> ImageMethod:
    """Return the method for images of a text such as ``"dm(steps=100)"``, or the given method itself.

    Raises:
        ValueError: there is no such method for images; the message names the nearest.
        TypeError: neither a name nor a method for images.
    """
    if isinstance(method, ImageMethod):
        return method
    if not isinstance(method, str):
        raise TypeError(f"method must be a name or a method for images such as DM(), got {type(method).__name__}")
    return built(method, IMAGE_METHODS, VALUES, "method", " for images")
