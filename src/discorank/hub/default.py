"""The pool that is taken where no models are named."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from discorank.errors import InvalidInput, MissingExtra
from discorank.hub.pools import read_pool
from discorank.hub.resolve import extra_of, is_installed
from discorank.hub.spec import Spec
from discorank.types import ChosenPool, Modality

__all__ = ["default_pool"]

# What is read, and whether by an accelerator: pools by preference. The first all of whose families
# are installed is taken.
_POOLS: Mapping[tuple[Modality, bool], Sequence[str]] = {
    ("image", False): ("timm-small", "torchvision-small"),
    ("image", True): ("timm-base", "supervised-cnn"),
    ("text", False): ("text-small",),
    ("text", True): ("text-base",),
    ("audio", False): ("audio-small",),
    ("audio", True): ("audio-base",),
}
_NOUN_OF: Mapping[Modality, str] = {"image": "images", "text": "texts", "audio": "recordings"}


def default_pool(modality: Modality, device: str) -> ChosenPool:
    """Choose the pool of models to rank where the user names none.

    Parameters
    ----------
    modality : {"image", "text", "audio", "features"}
        What the target holds.
    device : str
        The torch device that models run on: small models for ``"cpu"``, larger ones for others.

    Returns
    -------
    pool : ChosenPool
        Of families that are installed.

    Raises
    ------
    InvalidInput
        If the target holds ready-made features, which no model reads.
    MissingExtra
        If no family that reads it is installed; the message holds the line that installs one.
    """
    accelerated = not device.startswith("cpu")
    pools = _POOLS.get((modality, accelerated))
    if pools is None:
        raise InvalidInput(
            "the target holds ready-made features, which no model can be run on; name features of "
            "the same samples as candidates: features:FILE.npz (--models), or score them alone "
            "with discorank score FILE.npz"
        )
    size = "larger" if accelerated else "small"
    for name in pools:
        if all(map(is_installed, schemes := _schemes(name))):
            why = f"{size} models of {_NOUN_OF[modality]} by {' and '.join(schemes)}, for {device}"
            return ChosenPool(f"pool:{name}", why)
    extra = extra_of(_schemes(pools[0])[0])
    raise MissingExtra(
        f"no models were named, and no family with a pool of models of {_NOUN_OF[modality]} is "
        f"installed; for pool:{pools[0]}: pip install 'discorank[{extra}]'",
        name=extra,
    )


def _schemes(pool: str) -> list[str]:
    """Return whose models are in a pool."""
    return sorted({Spec.parse(spec).scheme for spec in read_pool(pool)})
