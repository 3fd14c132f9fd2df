"""The methods for images: one file per paper or idea, looked up by name or passed as values."""

from functools import partial

from graphcond.core.matching.experts import ExpertPlan
from graphcond.core.matching.replay import Window
from graphcond.core.matching.training import Training
from graphcond.core.method import MethodTable
from graphcond.core.relabelled import Labeller, Relabelled
from graphcond.images.augmentation import DIGITS
from graphcond.images.barlow_twins import BarlowTwins
from graphcond.images.methods.auto import AutoImages
from graphcond.images.methods.base import ImageMethod
from graphcond.images.methods.cafe import CAFE
from graphcond.images.methods.dc import DC
from graphcond.images.methods.dd import DD
from graphcond.images.methods.dm import DM
from graphcond.images.methods.frepo import FRePO
from graphcond.images.methods.idc import IDC
from graphcond.images.methods.idm import IDM
from graphcond.images.methods.kip import KIP
from graphcond.images.methods.krr_st import KRRSTImages
from graphcond.images.methods.latent_codes import LatentCodes
from graphcond.images.methods.latents import Latents
from graphcond.images.methods.mtt import MTT
from graphcond.images.methods.parameterizations import Hallucinators, MultiFormation, Pixels, SharedBases
from graphcond.images.methods.pruned import PrunedImages
from graphcond.images.methods.rded import RDED
from graphcond.images.methods.relabelling import relabel
from graphcond.images.methods.rfad import RFAD
from graphcond.images.methods.selection import (
    ClassMeanImages,
    HerdingImages,
    KCenterImages,
    RandomImages,
    RandomSoftImages,
)
from graphcond.images.methods.sre2l import SRe2L
from graphcond.images.methods.trained_generator import TrainedGenerator
from graphcond.images.teacher import Teaching
from graphcond.surrogates.convnet import ConvNet, Perceptron

METHODS = MethodTable(
    base=ImageMethod,
    classes=(
        AutoImages,
        CAFE,
        DC,
        DD,
        DM,
        FRePO,
        IDC,
        IDM,
        KIP,
        KRRSTImages,
        MTT,
        RDED,
        RFAD,
        SRe2L,
        ClassMeanImages,
        HerdingImages,
        KCenterImages,
        PrunedImages,
        RandomImages,
        RandomSoftImages,
    ),
    variants={
        "cda": (partial(SRe2L, curriculum=True), "SRe2L whose crops are first large, then small."),
        "datm": (
            partial(MTT, window=Window(max_start=14, first_max_start=4, widened_every=20), soft_labels="expert"),
            "MTT from early to late checkpoints, with learned soft labels.",
        ),
        "dcc": (partial(DC, per_class=False), "DC on the summed gradients of all classes."),
        "dsa": (partial(DC, operations=DIGITS), "DC with both sides augmented alike, but not mirrored."),
        "ftd": (
            partial(MTT, experts=ExpertPlan(number=5, training=Training(momentum=0.0, sharpness=0.01))),
            "MTT with experts on flat ground.",
        ),
        "haba": (partial(DM, parameterization=Hallucinators()), "DM on images that small networks make of a few."),
        "it_gan": (
            partial(DM, parameterization=Latents(), architecture=ConvNet(width=32), steps=300),
            "DM on latent vectors of a fixed generator.",
        ),
        "kfs": (
            partial(
                DM, parameterization=LatentCodes(), architecture=ConvNet(width=32), steps=300, images_rate=0.005
            ),
            "DM on images that shared decoders make of small codes.",
        ),
        "linba": (
            partial(DD, parameterization=SharedBases(), unroll_steps=50),
            "Back-propagation through training, on combinations of shared bases.",
        ),
        "sldd": (partial(DD, soft_labels=True), "Back-propagation through training, to images and their labels."),
        "tesla": (
            partial(MTT, exact=False, soft_labels="classes"),
            "MTT without terms across steps, with soft labels.",
        ),
    },
    nested=(
        BarlowTwins, ConvNet, ExpertPlan, Hallucinators, LatentCodes, Latents, MultiFormation, Perceptron, Pixels,
        SharedBases, Teaching, TrainedGenerator, Training, Window,
    ),
    decorators={Relabelled: Labeller(relabel, crops=True)},
    of=" for images",
    example="a method for images such as DM()",
)  # fmt: skip
