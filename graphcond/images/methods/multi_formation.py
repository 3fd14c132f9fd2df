"""Multi-formation: synthetic images that each stand for several (IDC: Kim et al., ICML 2022)."""

from torch import Tensor, nn

from graphcond.images.formation import expand, expand_labels
from graphcond.synthetic.learned_rows import Labelled, Labels


class MultiFormationImages(Labelled):
    """Free images whose tiles, enlarged, are what a surrogate sees; see :func:`graphcond.images.formation.expand`.

    Args:
        x: ``(n, channels, height, width)`` where the stored images start, such as
            :func:`graphcond.images.formation.pack` makes them of real ones.
        labels: One for each stored image, which its tiles share.
        factor: Each stands for ``factor**2`` images.
        step_size: Where the step size of training on them starts; ``None``: there is none.
    """

    def __init__(self, x: Tensor, labels: Labels, factor: int, *, step_size: float | None = None) -> None:
        super().__init__(labels, step_size, like=x)
        self.x = nn.Parameter(x.clone())
        self.factor = factor

    def decode(self) -> tuple[Tensor, Tensor]:
        """See :class:`graphcond.synthetic.learned_rows.Labelled`."""
        return expand(self.x, self.factor), expand_labels(self.labels(), self.factor)

    def sources(self) -> dict[str, list[nn.Parameter]]:
        """See :class:`graphcond.synthetic.learned_rows.Labelled`."""
        return {"features": [self.x]}
