"""Where to compute."""

import os

import torch

from graphcond.core.runtime.processes import Processes


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the device of a name, checked to be there; of several processes on a machine, each has its own ``"cuda"``.

    Raises:
        ValueError: not a device's name, or a device that this machine does not have.
    """
    try:
        resolved = torch.device(device)
        local = os.environ.get("LOCAL_RANK")  # from torchrun
        if resolved.type == "cuda" and resolved.index is None and Processes.current().count > 1 and local is not None:
            resolved = torch.device("cuda", int(local))
        torch.zeros(1, device=resolved).cpu()  # there and back: the meta device holds no values
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device={str(device)!r} cannot be used here ({reason}); use device='cpu'") from error
    return resolved
