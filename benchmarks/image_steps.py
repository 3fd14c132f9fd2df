"""What pools are worth: CPU-seconds of distribution matching with cached real images beside a plain loop.

    python benchmarks/image_steps.py --root DATA

Both make one image of each class of MNIST, see 256 real images of each class through a network, and take as many steps.
The plain loop draws a network and looks at real images at every step; few of its steps are timed, the rest is
multiplied. Validation images are left out, so that no looks are timed.
"""

import argparse
import time
from pathlib import Path

import torch

import graphcond
from graphcond import DM, ConvNet, ImageDataset

NETWORKS, STEPS, TIMED = 60, 2000, 10


def seconds(dataset: ImageDataset, method: DM) -> float:
    """Return the CPU-seconds of a condensation."""
    start = time.process_time()
    graphcond.condense_images(dataset, per_class=1, method=method)
    return time.process_time() - start


def main() -> None:
    """Read the command line and print both."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--width", type=int, default=32, help="width of the networks")
    options = parser.parse_args()
    whole = graphcond.datasets.load("mnist", options.root)
    x, y = whole.train
    dataset = ImageDataset((x, y), val=(x[:0], y[:0]))
    eyes = ConvNet(width=options.width)
    method = DM(architecture=eyes, networks=None, steps=1)
    first = seconds(dataset, method)
    plain = (seconds(dataset, DM(architecture=eyes, networks=None, steps=1 + TIMED)) - first) * STEPS / TIMED
    pooled = seconds(dataset, DM(architecture=eyes, networks=NETWORKS, steps=STEPS))
    print(f"{STEPS} steps at width {options.width}, {torch.get_num_threads()} threads, CPU-seconds")
    print(f"plain loop {plain:.0f}, pool of {NETWORKS} {pooled:.0f}: {plain / pooled:.1f} times less")


if __name__ == "__main__":
    main()
