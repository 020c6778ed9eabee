"""What of a model's hidden states is taken as features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, TypeAlias, cast

import torch
from torch import Tensor, nn

from discorank.errors import InvalidInput, ModelFailed
from discorank.hub import modules
from discorank.hub.spec import Spec
from discorank.hub.transformers.model import Model

__all__ = ["Pooling", "Reading"]

Pooling: TypeAlias = Literal["cls", "mean", "last", "pooler"]

_POOLED = {"cls": "first token", "mean": "mean over positions", "last": "last token"}


@dataclass(frozen=True)
class Reading:
    """What is taken as features.

    Attributes
    ----------
    layer : int or {"last", "mean"}
    pooling : {"cls", "mean", "last", "pooler"}, optional
        None is what enters the classifier.
    """

    layer: int | Literal["last", "mean"]
    pooling: Pooling | None

    @classmethod
    def of(cls, spec: Spec, model: Model, pooling: Pooling | None) -> Reading:
        """Read the option ``layer``."""
        wanted = spec.get("layer") or "last"
        if pooling == "pooler" and wanted != "last":
            raise InvalidInput(f"{str(spec)!r}: the pooler reads the last layer; leave out layer=")
        if wanted in ("last", "mean"):
            return cls(cast("Literal['last', 'mean']", wanted), pooling)
        if not wanted.removeprefix("-").isdecimal():
            raise spec.invalid("layer", wanted, "last, mean, all or a whole number")
        states = model.n_states
        if not -states <= int(wanted) < states:
            raise spec.invalid("layer", wanted, f"in {-states} to {states - 1}")
        return cls(int(wanted), pooling)

    def completed(self, model: Model, module: nn.Module) -> Reading:
        """Choose the pooling where the user did not."""
        if self.pooling is not None or (model.is_classifier and self.layer == "last"):
            return self
        return Reading(self.layer, self._sensible(model, module))

    def _sensible(self, model: Model, module: nn.Module) -> Pooling:
        if model.kind == "image":
            if model.is_tower and self.layer == "last":
                return "pooler"
            names = [name for name, _ in module.named_parameters()]
            has_class = any(name.endswith(("cls_token", "class_embedding")) for name in names)
            return "cls" if has_class else "mean"
        return "last" if model.kind == "text" and model.predicts_next else "mean"

    def describe(self, module: nn.Module) -> str:
        """Say what is taken."""
        if self.pooling is None:
            return f"input of {modules.find_classifier(module, nn.Linear)}"
        if self.pooling == "pooler":
            return "pooler_output"
        states = {"last": "last_hidden_state", "mean": "mean of hidden_states"}
        taken = states.get(str(self.layer), f"hidden_states[{self.layer}]")
        return f"{taken}, {_POOLED[self.pooling]}"

    def take(self, returned: Any, mask: Tensor | None) -> Tensor:
        """Return the features of what the model returned.

        Parameters
        ----------
        returned : ModelOutput
        mask : Tensor of shape (batch, tokens), optional
            Where there are tokens; None if there is no padding.
        """
        if self.pooling == "pooler":
            pooled = returned.get("pooler_output")
            if pooled is None:
                raise ModelFailed("it has no pooler; take another pooling: cls, mean or last")
            return cast("Tensor", pooled.flatten(1))
        if self.layer == "last":
            return self._pool(returned.last_hidden_state, mask)
        if self.layer == "mean":
            pooled = [self._pool(states, mask) for states in returned.hidden_states]
            if len({states.shape[1] for states in pooled}) > 1:
                raise ModelFailed("its layers differ in width, so they have no mean; choose one")
            return torch.stack(pooled).mean(0)
        return self._pool(returned.hidden_states[self.layer], mask)

    def _pool(self, states: Tensor, mask: Tensor | None) -> Tensor:
        """Pool (batch, tokens, width) over tokens, or (batch, width, height, width) over space."""
        if states.ndim == 4:
            if self.pooling != "mean":
                raise ModelFailed(
                    f"it has maps of {tuple(states.shape[2:])}, not tokens; take pooling=mean"
                )
            return states.mean((2, 3))
        if mask is None:
            mask = torch.ones(states.shape[:2], device=states.device, dtype=torch.bool)
        if self.pooling == "cls":
            return states[:, 0]
        if self.pooling == "last":
            return states[torch.arange(len(states), device=states.device), mask.sum(1) - 1]
        weights = mask.unsqueeze(-1).to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1)
