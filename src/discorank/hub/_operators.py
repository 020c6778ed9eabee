"""Import torchvision beside a torch of another build.

When torchvision is imported, it describes its compiled operators to torch. Where its compiled part
cannot be loaded, because torch is another build (a CPU torch beside a torchvision for CUDA), the
operators do not exist and the import stops with ``operator torchvision::nms does not exist``, and
with it that of timm and of anything else that imports torchvision. The models and transforms used
here need no such operator, so declaring the two that the import asks for is enough. Calling one
still fails, as it must.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

__all__ = ["Sendable", "with_operators"]

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
    except (RuntimeError, ImportError) as error:
        if _declared or not any(_SYMPTOM in str(cause) for cause in _causes(error)):
            raise
    from torch.library import Library

    library: Any = Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]  # of torch
    for operator in _MISSING:
        library.define(operator)
    _declared.append(library)
    return action()


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came from: lazy packages (transformers) raise their own."""
    while error is not None:
        yield error
        error = error.__cause__


@dataclass(frozen=True)
class Sendable:
    """A callable that can be unpickled in a process where torchvision needs help to be imported.

    Attributes
    ----------
    function : callable
        From one item to an array; its modules may import torchvision.
    """

    function: Callable[[Any], Any]

    def __call__(self, item: Any) -> Any:
        """Call the function."""
        return self.function(item)

    def __reduce__(self) -> tuple[Callable[[bytes], Sendable], tuple[bytes]]:
        return _received, (pickle.dumps(self.function),)


def _received(function: bytes) -> Sendable:
    return Sendable(with_operators(lambda: pickle.loads(function)))  # noqa: S301 -- our own bytes
