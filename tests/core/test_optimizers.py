"""Optimisers whose parameters do not lie in memory row by row."""

import pytest
import torch
from torch import Tensor

from graphcond.core.matching.batch import Batch
from graphcond.core.matching.optimizers import optimizer_of, optimizer_state, restore_optimizer
from graphcond.core.matching.surrogate import Weights
from graphcond.core.matching.training import Student, Training


def transposed() -> torch.nn.Parameter:
    return torch.nn.Parameter(torch.linspace(-1, 1, 12).view(4, 3).T)


def stepped(parameter: Tensor, optimizer: torch.optim.Optimizer, steps: int) -> None:
    for step in range(steps):
        optimizer.zero_grad()
        (parameter * torch.arange(12.0).view(3, 4) ** (1 + step % 2)).sin().sum().backward()
        optimizer.step()


def test_moments_are_put_back_as_the_parameter_lies_in_memory() -> None:
    whole = transposed()
    optimizer = optimizer_of([whole], 0.1)
    stepped(whole, optimizer, 3)
    saved = {
        name: value.clone(memory_format=torch.contiguous_format) for name, value in optimizer_state(optimizer).items()
    }
    resumed = transposed()
    with torch.no_grad():
        resumed.copy_(whole)
    other = optimizer_of([resumed], 0.1)
    restore_optimizer(other, saved)
    stepped(whole, optimizer, 2)
    stepped(resumed, other, 2)
    assert torch.equal(whole, resumed)


class Transposing:
    """A linear model whose weights and gradients lie in memory column by column."""

    def loss_gradients(self, weights: Weights, batch: Batch) -> tuple[Tensor, ...]:
        (weight,) = weights
        return ((batch.x.T @ (batch.x @ weight - batch.y)).T.contiguous().T,)


@pytest.mark.parametrize("row_by_row", [False, True])
def test_students_take_gradients_however_they_lie_in_memory(row_by_row: bool) -> None:
    batch = Batch(torch.randn(9, 3), torch.randn(9, 4))
    start = torch.linspace(-1, 1, 12).view(4, 3).T
    student = Student((start.contiguous() if row_by_row else start,), Training(learning_rate=0.1))
    student.train(Transposing(), batch, 1)  # type: ignore[arg-type]
    parameter = torch.nn.Parameter(start.contiguous())
    optimizer = torch.optim.Adam([parameter], lr=0.1)
    parameter.grad = batch.x.T @ (batch.x @ start - batch.y)
    optimizer.step()
    torch.testing.assert_close(student.weights[0], parameter.detach())
