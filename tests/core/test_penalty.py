import torch
from torch import Tensor, nn

from graphcond.core.matching import driver
from graphcond.core.matching.batch import Batch
from graphcond.core.matching.objectives.gradients import GradientMatching
from graphcond.core.matching.recipe import Recipe, Synthetic
from graphcond.core.matching.schedules import Schedule
from graphcond.core.matching.weight_samplers import Fresh
from graphcond.core.run_context import RunContext
from graphcond.core.targets import SingleLabel
from graphcond.surrogates.linear import Linear

LABELS = torch.tensor([0, 1])


class Rows(Synthetic):
    """Free rows."""

    def __init__(self) -> None:
        super().__init__()
        self.x = nn.Parameter(torch.ones(2, 3))

    def batch(self) -> Batch:
        return Batch(self.x, LABELS)

    def parts(self) -> dict[str, list[nn.Parameter]]:
        return {"features": [self.x]}


class Priced(Rows):
    """Rows that cost what they are long."""

    def __init__(self, price: float) -> None:
        super().__init__()
        self.price = price

    def penalty(self) -> Tensor:
        return self.price * self.x.square().sum()


class Constant:
    """Real rows, always the same."""

    constant = True

    def __call__(self, step: int) -> Batch:
        return Batch(torch.randn(6, 3, generator=torch.Generator().manual_seed(0)), torch.arange(6) % 2)


def learned(synthetic: Rows, steps: int = 30) -> Tensor:
    torch.manual_seed(0)
    surrogate = Linear(3, SingleLabel(2), torch.zeros(()))
    recipe = Recipe(
        synthetic=synthetic, surrogate=surrogate, sampler=Fresh(surrogate), objective=GradientMatching(),
        source=Constant(), schedule=Schedule(rates={"features": 0.05}), steps=steps,
    )  # fmt: skip
    driver.run(recipe, RunContext())
    return synthetic.x.detach()


def test_synthetic_data_have_no_penalty_unless_they_say_so():
    assert Rows().penalty() is None
    assert torch.equal(learned(Rows()), learned(Priced(0.0)))


def test_a_penalty_is_added_to_the_objective():
    free, priced = learned(Rows()), learned(Priced(1e4), steps=60)
    assert priced.norm() < 0.3
    assert free.norm() > 1


def test_a_penalty_moves_by_its_own_gradient():
    synthetic = Priced(1e4)  # so large that Adam's first step goes where the penalty falls
    torch.testing.assert_close(learned(synthetic, steps=1), torch.full((2, 3), 0.95))
