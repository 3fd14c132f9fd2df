"""The named datasets of images, from their published files or from inside scikit-learn."""

from typing import Any

from graphcond.datasets.download import Remote
from graphcond.datasets.entries import Entry
from graphcond.datasets.image_files import DigitImages, Idx, Mat, Records

DIGITS = tuple(map(str, range(10)))
CLOTHES = (
    "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot",
)  # fmt: skip
THINGS = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
NAMES = """
apple aquarium_fish baby bear beaver bed bee beetle bicycle bottle bowl boy bridge bus butterfly camel can castle
caterpillar cattle chair chimpanzee clock cloud cockroach couch crab crocodile cup dinosaur dolphin elephant
flatfish forest fox girl hamster house kangaroo keyboard lamp lawn_mower leopard lion lizard lobster man maple_tree
motorcycle mountain mouse mushroom oak_tree orange orchid otter palm_tree pear pickup_truck pine_tree plain plate
poppy porcupine possum rabbit raccoon ray road rocket rose sea seal shark shrew skunk skyscraper snail snake spider
squirrel streetcar sunflower sweet_pepper table tank telephone television tiger tractor train trout tulip turtle
wardrobe whale willow_tree wolf woman worm
"""
MORE_THINGS = tuple(NAMES.split())
KRIZHEVSKY = "https://www.cs.toronto.edu/~kriz"
NETZER = "http://ufldl.stanford.edu/housenumbers"
COLOURED: dict[str, Any] = {"task": "images", "num_graphs": 0, "image_shape": (3, 32, 32)}
IMAGES: dict[str, Any] = {"task": "images", "num_graphs": 0, "num_classes": 10}

# Checksums of MNIST, Fashion-MNIST and SVHN are those of torchvision, of CIFAR those of its own page.
IMAGE_SETS = (
    Entry(
        name="digit-images", description="handwritten digits, small; inside scikit-learn",
        num_images=1_797, image_shape=(1, 8, 8),
        source="UCI, Optical Recognition of Handwritten Digits", licence="CC BY 4.0",
        loader=DigitImages(), **IMAGES,
    ),
    Entry(
        name="mnist", description="handwritten digits",
        num_images=70_000, image_shape=(1, 28, 28), source="yann.lecun.com/exdb/mnist", licence="not stated",
        loader=Idx("MNIST", DIGITS, "https://ossci-datasets.s3.amazonaws.com/mnist", (
            "f68b3c2dcbeaaa9fbdd348bbdeb94873", "d53e105ee54ea40749a09fcbcd1e9432",
            "9fb629c4189551a2d022fa330f9573f3", "ec29112dd5afa0611ce80d1b7f02629c",
        )), **IMAGES,
    ),
    Entry(
        name="fashion-mnist", description="photographs of clothes, of 10 kinds",
        num_images=70_000, image_shape=(1, 28, 28), source="zalandoresearch/fashion-mnist", licence="MIT",
        loader=Idx("FashionMNIST", CLOTHES, "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com", (
            "8d4fb7e6c68d591d4c3dfef9ec88bf0d", "25c81989df183df01b3e8a0aad5dffbe",
            "bef4ecab320f06d8554ea6380940ec79", "bb300cfdad3c16e7a12a480ee83cd310",
        )), **IMAGES,
    ),
    Entry(
        name="cifar10", description="photographs of animals and vehicles, of 10 kinds",
        num_images=60_000, num_classes=10, source="cs.toronto.edu/~kriz/cifar.html", licence="not stated",
        loader=Records(
            "CIFAR10", Remote(f"{KRIZHEVSKY}/cifar-10-binary.tar.gz", "c32a1d4ab5d03f1284b67883e8d87530"),
            "cifar-10-batches-bin", tuple((f"data_batch_{i}.bin", 10_000) for i in range(1, 6)),
            (("test_batch.bin", 10_000),), 1, THINGS,
        ), **COLOURED,
    ),
    Entry(
        name="cifar100", description="photographs of animals, plants and things, of 100 kinds",
        num_images=60_000, num_classes=100, source="cs.toronto.edu/~kriz/cifar.html", licence="not stated",
        loader=Records(
            "CIFAR100", Remote(f"{KRIZHEVSKY}/cifar-100-binary.tar.gz", "03b5dce01913d631647c71ecec9e9cb8"),
            "cifar-100-binary", (("train.bin", 50_000),), (("test.bin", 10_000),), 2, MORE_THINGS,
        ), **COLOURED,
    ),
    Entry(
        name="svhn", description="digits of house numbers, in photographs from streets",
        num_images=99_289, num_classes=10, source="ufldl.stanford.edu/housenumbers",
        licence="for non-commercial use only",
        loader=Mat(
            "SVHN", Remote(f"{NETZER}/train_32x32.mat", "e26dedcc434d2e4c54c9b2d4a06d8373"),
            Remote(f"{NETZER}/test_32x32.mat", "eb5a983be6a315427106f1b164d9cef3"), DIGITS,
        ), **COLOURED,
    ),
)  # fmt: skip
