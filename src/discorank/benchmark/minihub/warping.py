"""Random affine changes of images, drawn from a seed that is an argument."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

__all__ = ["warped"]


def warped(
    images: NDArray[np.uint8],
    *,
    seed: int,
    degrees: float,
    scale: tuple[float, float],
    shift: float,
    size: int,
) -> NDArray[np.uint8]:
    """Turn, scale and move each image by amounts of its own.

    Parameters
    ----------
    images : ndarray of shape (n, height, width), uint8
    seed : int
    degrees : float
        Images are turned by up to this much to either side.
    scale : tuple of float
        Lowest and highest enlargement.
    shift : float
        Farthest move, in halves of the image.
    size : int
        Height and width of the result.

    Returns
    -------
    warped : ndarray of shape (n, size, size), uint8
        Beyond the border pixels repeat the border.
    """
    generator = torch.Generator().manual_seed(seed)
    n_images = len(images)

    def uniform(low: float, high: float) -> Tensor:
        return low + (high - low) * torch.rand(n_images, generator=generator)

    angle = uniform(-degrees, degrees) * (np.pi / 180)
    # The grid says where each pixel comes from, so an enlargement divides.
    zoom = 1.0 / uniform(*scale)
    cos, sin = zoom * torch.cos(angle), zoom * torch.sin(angle)
    dx, dy = uniform(-shift, shift), uniform(-shift, shift)
    theta = torch.stack([torch.stack([cos, -sin, dx], 1), torch.stack([sin, cos, dy], 1)], 1)
    grid = functional.affine_grid(theta, [n_images, 1, size, size], align_corners=False)
    pixels = torch.from_numpy(images).unsqueeze(1).float()
    result = functional.grid_sample(pixels, grid, padding_mode="border", align_corners=False)
    rounded: NDArray[np.uint8] = result.squeeze(1).round().clamp(0, 255).byte().numpy()
    return rounded
