import re

import pytest

from graphcond.core.words import LIMITS, MEMORY, PROGRESS, READING, SEED, SIZES, answers


@answers(SEED | PROGRESS | LIMITS | MEMORY | READING | SIZES)
def condense(dataset: object, ratio: float | None = None, *, size: object = None, seed: int = 0) -> tuple:
    """Return what was given."""
    return dataset, ratio, size, seed


def test_a_call_with_its_own_words_goes_through():
    assert condense("data", 0.1, seed=3) == ("data", 0.1, None, 3)
    assert condense(dataset="data", size=5) == ("data", None, 5, 0)
    assert condense.__doc__ == "Return what was given."


@pytest.mark.parametrize(
    ("name", "value", "remedy"),
    [
        ("num_nodes", 35, "write size=35"),
        ("num_graphs", 35, "write size=35"),
        ("num_images", 35, "write size=35"),
        ("nodes_per_class", 10, "write size='10/class'"),
        ("graphs_per_class", 10, "write size='10/class'"),
        ("per_class", 10, "write size='10/class'"),
        ("ipc", 10, "write size='10/class'"),
        ("max_bytes", 2000, "write size='2000B'"),
        ("ratio_of", "train", "write size=Size.ratio(0.05, of='train')"),
        ("reduction_rate", 0.5, "write ratio=0.5"),
        ("random_state", 7, "write seed=7"),
        ("verbose", True, "write run=Run(progress=True)"),
        ("checkpoint", "run.ckpt", "write run=Run(checkpoint='run.ckpt')"),
        ("max_seconds", 60, "write run=Run(max_seconds=60)"),
        ("memory", "4GB", "write run=Run(memory='4GB')"),
        ("split", 3, "write graphcond.read(dataset, split=3) in place of the dataset"),
        ("inductive", True, "write graphcond.read(dataset, inductive=True) in place of the dataset"),
        ("split", {"train": range(100), "valid": range(100, 120)},
         "write graphcond.read(dataset, split=...) in place of the dataset"),
        ("raito", 0.1, "did you mean ratio=?"),
        ("sizes", 5, "did you mean size=?"),
        ("max_second", 5, "did you mean run=Run(max_seconds=...)?"),
        ("num_node", 5, "did you mean size=...?"),
        ("nonsense", 5, "its arguments are dataset, ratio, size, seed"),
    ],
)  # fmt: skip
def test_a_foreign_word_is_answered_with_what_to_write(name, value, remedy):
    with pytest.raises(TypeError, match=f"^{re.escape(f'condense() takes no {name}=; {remedy}')}$"):
        condense("data", **{name: value})


def test_a_word_that_a_function_has_is_its_own_whatever_the_table_says():
    @answers({"seed": "random_state={}"})
    def draw(seed: int = 0) -> int:
        return seed

    assert draw(seed=4) == 4


def test_errors_of_the_function_are_its_own():
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'dataset'"):
        condense()
