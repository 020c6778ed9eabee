"""Import torchvision beside a torch of another build.

When torchvision is imported, it describes its compiled operators to torch. Where its compiled part
cannot be loaded, because torch is another build (a CPU torch beside a torchvision for CUDA), the
operators do not exist and the import stops with ``operator torchvision::nms does not exist``, and
with it that of timm and of anything else that imports torchvision. The models and transforms used
here need no such operator, so declaring the two that the import asks for is enough. Calling one
still fails, as it must.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

__all__ = ["with_operators"]

T = TypeVar("T")

_SYMPTOM = "operator torchvision::nms does not exist"
_MISSING = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)
_declared: list[Any] = []  # a library that is garbage-collected takes its operators with it


def with_operators(action: Callable[[], T]) -> T:
    """Run an action that imports torchvision; where its operators are missing, declare and rerun.

    A failed import leaves nothing behind that the next one would trip over: Python drops the module
    that failed and keeps the parts that had succeeded.

    Parameters
    ----------
    action : callable
        Run once, and once more if it raises the error that missing operators cause.
    """
    try:
        return action()
    except RuntimeError as error:
        if _SYMPTOM not in str(error) or _declared:
            raise
    from torch.library import Library

    library: Any = Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
    for operator in _MISSING:
        library.define(operator)
    _declared.append(library)
    return action()
