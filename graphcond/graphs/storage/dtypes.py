"""Tensors in as few bytes as hold their values exactly."""

import re

import torch
from torch import Tensor

INTEGERS = ((torch.uint8, 255), (torch.int16, 32_767), (torch.int32, 2**31 - 1))
EXPONENTS = range(9)  # floats are tried as multiples of 1, 1/2, ..., 1/256
CODE = re.compile(r"(bool|uint8|int8|int16|int32|int64|bfloat16|float16|float32|float64)(?:/([0-8]))?")


def narrow(value: Tensor) -> tuple[Tensor, str]:
    """Return a tensor in the narrowest type that holds it, and the code by which :func:`widen` restores it.

    Floats that are small multiples of a power of two become integers; others stay as they are, or take half the bytes
    where that loses nothing.

    >>> narrow(torch.tensor([0.25, 1.5]))
    (tensor([1, 6], dtype=torch.uint8), 'float32/2')
    """
    value = value.detach().cpu().contiguous()
    kind = str(value.dtype).removeprefix("torch.")
    if value.dtype == torch.bool or value.dtype == torch.uint8:
        return value, kind
    if not value.is_floating_point():
        return _integers(value), kind
    if value.numel() and bool(torch.isfinite(value).all()) and float(value.min()) >= 0:
        for exponent in EXPONENTS:
            scaled = value.double() * 2**exponent
            if float(scaled.max()) > INTEGERS[1][1]:
                break
            if bool((scaled == scaled.round()).all()):
                return _integers(scaled.long()), f"{kind}/{exponent}"
    half = value.to(torch.float16)
    return (half, kind) if torch.equal(half.to(value.dtype), value) else (value, kind)


def widen(value: Tensor, code: str) -> Tensor:
    """Return the tensor that :func:`narrow` was given.

    Raises:
        ValueError: the code is none of :func:`narrow`'s, or not that of such a tensor.
    """
    found = CODE.fullmatch(code) if isinstance(code, str) else None
    kind = None if found is None else _family(getattr(torch, found[1]))
    if found is None or _family(value.dtype) != ("integer" if found[2] and kind == "float" else kind):
        raise ValueError(f"{code!r} is no code for a tensor of {value.dtype}")
    dtype = getattr(torch, found[1])
    return (value.double() / 2 ** int(found[2])).to(dtype) if found[2] else value.to(dtype)


def _family(dtype: torch.dtype) -> str:
    return "float" if dtype.is_floating_point else "bool" if dtype == torch.bool else "integer"


def _integers(value: Tensor) -> Tensor:
    if not value.numel():
        return value.to(torch.uint8)
    low, high = int(value.min()), int(value.max())
    for dtype, most in INTEGERS:
        if low >= 0 and high <= most:
            return value.to(dtype)
    return value


def nbytes(tensors: dict[str, Tensor]) -> int:
    """Return the bytes of all tensors together."""
    return sum(value.numel() * value.element_size() for value in tensors.values())
