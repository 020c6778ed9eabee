"""Where models run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from discorank._optional import import_optional
from discorank.errors import InvalidInput

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["all_devices", "pick_device", "put_on"]


def pick_device(wanted: str | None = None) -> str:
    """Return the device to run on, as torch names it.

    Parameters
    ----------
    wanted : str, optional
        ``"cpu"``, ``"cuda"``, ``"cuda:1"``, ``"mps"``, ...; by default CUDA if there is any, else
        MPS, else the CPU.

    Raises
    ------
    InvalidInput
        If `wanted` is no device, or not here.
    MissingExtra
        If torch is not installed.
    """
    torch = import_optional("torch", extra="rank", purpose="extracting features")
    if wanted is None:
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"
    try:
        torch.empty(0, device=wanted)
    except (RuntimeError, AssertionError, NotImplementedError) as error:
        reason = str(error).partition("\n")[0]
        raise InvalidInput(
            f"device={wanted!r} cannot be used here ({reason}); leave it out to take the best "
            f"there is, {pick_device()!r}"
        ) from error
    return wanted


def all_devices() -> list[str]:
    """Return every CUDA device of this machine; where there is none, the best device there is."""
    torch = import_optional("torch", extra="rank", purpose="extracting features")
    return [f"cuda:{place}" for place in range(torch.cuda.device_count())] or [pick_device()]


def put_on(device: str, array: NDArray[Any]) -> Any:
    """Return the array as a torch tensor on a device.

    Raises
    ------
    InvalidInput
        If there is no such device here.
    MissingExtra
        If torch is not installed.
    """
    torch = import_optional("torch", extra="rank", purpose="scoring on a device")
    return torch.as_tensor(array, device=pick_device(device))
