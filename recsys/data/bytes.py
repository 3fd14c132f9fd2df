"""What interactions take in a file, by one rule for originals and results."""

from scipy.sparse import csr_matrix

NUMBER = 4  # bytes of an int32 or a float32


def matrix_bytes(rows: csr_matrix) -> int:
    """Return the bytes of interactions as they lie in a file."""
    return bytes_of(rows.shape[0], rows.nnz, weighted=not is_binary(rows))


def bytes_of(users: int, interactions: int, *, weighted: bool) -> int:
    """Return the bytes of interactions: row pointers and items in int32 and, unless all are 1, weights in float32."""
    return NUMBER * (users + 1 + interactions * (2 if weighted else 1))


def is_binary(rows: csr_matrix) -> bool:
    """Return whether all weights are 1."""
    return bool((rows.data == 1).all())
