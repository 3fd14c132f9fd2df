"""Where to compute."""

import torch


def resolve_device(device: str | torch.device) -> torch.device:
    """Return the device of a name, checked to be there.

    Raises:
        ValueError: not a device's name, or a device that this machine does not have.
    """
    try:
        resolved = torch.device(device)
        torch.zeros(1, device=resolved).cpu()  # there and back: the meta device holds no values
    except (RuntimeError, AssertionError, TypeError) as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"device={str(device)!r} cannot be used here ({reason}); use device='cpu'") from error
    return resolved
