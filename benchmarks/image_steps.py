"""What pools are worth: CPU-seconds of distribution matching with cached real images beside a plain loop.

    python benchmarks/image_steps.py --root DATA     # appends a row to docs/measurements/costs.jsonl
    python benchmarks/image_steps.py --tables        # prints its rows as Markdown

Both make one image of each class of MNIST, see 256 real images of each class through a network, and take as many steps.
The plain loop draws a network and reads real images at every step; few of its steps are timed, the rest is
multiplied. Validation images are left out, so that no validation is timed. Rows that are in the file are not measured
again but with --retake REASON, and then the earlier ones stay. With glibc, the variables MALLOC_MMAP_THRESHOLD_ and
MALLOC_TRIM_THRESHOLD_ of measurements/images.md keep freed memory in the process; a run with them is a row of its own.
"""

import argparse
import os
import time
from pathlib import Path

import costs
import row_file

import graphcond
from graphcond import DM, ConvNet, ImageDataset

NETWORKS, STEPS, TIMED = 60, 2000, 10


def seconds(dataset: ImageDataset, method: DM) -> float:
    """Return the CPU-seconds of a condensation."""
    start = time.process_time()
    graphcond.condense(dataset, size="1/class", method=method)
    return time.process_time() - start


def measure(root: Path | None, width: int) -> dict[str, float]:
    """Return the CPU-seconds of all steps of both."""
    x, y = graphcond.datasets.load("mnist", root).train
    dataset = ImageDataset((x, y), val=(x[:0], y[:0]))
    network = ConvNet(width=width)
    first = seconds(dataset, DM(architecture=network, networks=None, steps=1))
    timed = seconds(dataset, DM(architecture=network, networks=None, steps=1 + TIMED)) - first
    pooled = seconds(dataset, DM(architecture=network, networks=NETWORKS, steps=STEPS))
    return {"width": width, "steps": STEPS, "timed": TIMED, "plain": timed * STEPS / TIMED, "pooled": pooled}


def tables() -> None:
    """Print every row as Markdown."""
    print("| networks | steps | threads | load | plain loop, CPU-s | from a pool, CPU-s | times less |")
    print("|---|---|---|---|---|---|---|")
    for row in costs.of("image_steps"):
        print(
            f"| {row['what']} | {row['steps']:,} | {row['threads']} | {row['load']} | {row['plain']:.0f} "
            f"| {row['pooled']:.0f} | {row['plain'] / row['pooled']:.1f} |"
        )


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, help="folder of raw data (default: GRAPHCOND_DATA)")
    parser.add_argument("--width", type=int, default=32, help="width of the networks")
    row_file.add_option(parser)
    parser.add_argument("--tables", action="store_true", help="print the file as Markdown")
    options = parser.parse_args()
    if options.tables:
        tables()
        return
    kept = ", freed memory is kept" if "MALLOC_TRIM_THRESHOLD_" in os.environ else ""
    for key in row_file.wanted(costs.ROWS, [costs.key("image_steps", f"width {options.width}{kept}")], options.retake):
        costs.write(key, options.retake, measure(options.root, options.width))
        tables()


if __name__ == "__main__":
    main()
