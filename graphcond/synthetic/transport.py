r"""How far the spectrum of a synthetic graph is from that of a real one (SGDD: Yang et al., NeurIPS 2023).

Smooth signals on a graph are Gaussian, with the inverse Laplacian as covariance. With :math:`f` on the real nodes,
:math:`g` on the synthetic ones and a plan :math:`P` of how much node :math:`i` stands for node :math:`j`, the optimal
transport between them costs

.. math:: d = \min_{f, g} \mathbb E \sum_{ij} P_{ij} (f_i - g_j)^2
          = \sum_i r_i (L^{-1})_{ii} + \sum_j c_j (L'^{-1})_{jj}
          - 2 \operatorname{tr} \big(L'^{-1/2} P^\top L^{-1} P L'^{-1/2}\big)^{1/2}

where :math:`r` and :math:`c` are the sums of the rows and columns of :math:`P` (Dong and Sawin, 2020).
"""

import torch
from torch import Tensor, nn

from graphcond.synthetic.graph import normalize

RIDGE = 0.1  # added to the Laplacians, whose smallest eigenvalue is 0


class StructureTerms(nn.Module):
    r"""What SGDD adds to the matching: :math:`\alpha\, d(L, L') + \beta\, \mathrm{mean}(A')`.

    The plan is learned together with the edges, through positive numbers that are scaled to a plan by
    :func:`sinkhorn`. While the features move alone, the distance is left out: it is what costs.

    Args:
        block: ``(m, m)`` the dense symmetric adjacency among some real nodes.
        nodes: Synthetic nodes.
        iterations: Of Sinkhorn's scaling.
        transport: :math:`\alpha`.
        sparsity: :math:`\beta`.
    """

    root: Tensor

    def __init__(self, block: Tensor, nodes: int, iterations: int, transport: float, sparsity: float) -> None:
        super().__init__()
        self.plan = nn.Parameter(torch.rand(len(block), nodes).to(block))
        self.iterations = iterations
        self.transport = transport
        self.sparsity = sparsity
        # A root R of the inverse, R^T R = L^-1. It is made again when a run goes on.
        self.register_buffer("root", inverse_root(block), persistent=False)

    def forward(self, adjacency: Tensor) -> Tensor:
        """Return what is added to the objective for a synthetic adjacency ``(n, n)``, a scalar."""
        total = self.sparsity * adjacency.mean()
        if self.transport and self.plan.requires_grad:
            total = total + self.transport * self.distance(adjacency)
        return total

    def distance(self, adjacency: Tensor) -> Tensor:
        """Return the distance of a synthetic adjacency from the real block, a scalar that is not negative."""
        plan = sinkhorn(self.plan.exp(), self.iterations).to(self.root)
        root = inverse_root(adjacency)
        real, made = self.root.square().sum(dim=0), root.square().sum(dim=0)
        # The trace of a root of B^T B is the sum of the singular values of B. Their gradient is bounded, that of the
        # roots of small eigenvalues is not.
        shared = torch.linalg.svdvals(self.root @ plan @ root.T).sum()
        found: Tensor = plan.sum(dim=1) @ real + plan.sum(dim=0) @ made - 2 * shared
        return found.to(adjacency.dtype)


def sinkhorn(plan: Tensor, iterations: int) -> Tensor:
    """Return a positive matrix scaled to rows and columns of equal sums, 1 in all; the columns are exact."""
    rows, columns = plan.shape
    for _ in range(iterations):
        plan = plan / (rows * plan.sum(dim=1, keepdim=True))
        plan = plan / (columns * plan.sum(dim=0, keepdim=True))
    return plan


def inverse_root(adjacency: Tensor) -> Tensor:
    r"""Return :math:`R` with :math:`R^\top R = (I - D^{-1/2}(A + I)D^{-1/2} + \rho I)^{-1}`, float64, triangular."""
    adjacency = adjacency.double()
    identity = torch.eye(len(adjacency), dtype=torch.float64, device=adjacency.device)
    factor = torch.linalg.cholesky((1 + RIDGE) * identity - normalize(adjacency))
    root: Tensor = torch.linalg.solve_triangular(factor, identity, upper=False)
    return root
