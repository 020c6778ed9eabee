"""Discriminants of classes in spectral components, and how rows are scored by them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import pairwise

import numpy as np
from array_api_compat import array_namespace, device

from discorank.scoring.arrays import Array, Precision, placed_like, precision_of, to_numpy
from discorank.scoring.blocks import BLOCK_BYTES, for_each_block
from discorank.types import Float64Array, IntArray

__all__ = ["NccModel"]

# Elements of one block of inputs and discriminants: 2 MB in float32, so that the product, exp and
# the sum over classes all find it in the cache.
BLOCK_ELEMENTS = 1 << 19


@dataclass(frozen=True, eq=False)
class Room:
    """Memory for one block of rows, filled anew for each: `NccModel.workspace`.

    It is taken when it is first asked for: two classes need none.
    """

    like: Array
    height: int
    n_inputs: int
    n_classes: int

    @cached_property
    def inputs(self) -> Array:
        """Ones of shape (height, inputs of all components)."""
        return self._ones(self.n_inputs)

    @cached_property
    def values(self) -> Array:
        """Ones of shape (height, n_classes)."""
        return self._ones(self.n_classes)

    def _ones(self, width: int) -> Array:
        xp = array_namespace(self.like)
        return xp.ones((self.height, width), dtype=self.like.dtype, device=device(self.like))


@dataclass(frozen=True, eq=False)
class NccModel:
    """log p̃(c | t) of every class and spectral component, ready to score rows.

    In one component the discriminants of all classes are one product [φ(t), common] · weights.
    φ(t) = [t, 1], preceded by the products t_a t_b (a ≤ b) where every class has its own
    covariance; the last row of `weights` is ones, for what all classes of a row have in common. A
    covariance Λ = L Lᵀ of all classes is absorbed by whitening the coordinates first, after which
    −½‖t‖² is common to all classes and is left out.

    The arrays that rows meet are of the library and device of the rows, see `placed_like`.

    Attributes
    ----------
    groups : tuple of slice
        Coordinates of each component.
    ratios : ndarray of shape (n_groups,)
        Singular value ratios.
    counts : ndarray of shape (n_classes,)
        Samples per class.
    weights : tuple of array of shape (n_inputs, n_classes)
        One per component.
    means : array of shape (n_classes, k)
        Class means of the (whitened) coordinates.
    log_scale : array of shape (n_classes, n_groups)
        log π_c − ½ log|Λ_c|: what remains of log p̃ at the mean.
    whitening : array of shape (k, k), optional
        Multiplies the coordinates from the right.
    quadratic : bool
        Whether φ(t) has the products.
    """

    groups: tuple[slice, ...]
    ratios: Float64Array
    counts: IntArray
    weights: tuple[Array, ...]
    means: Array
    log_scale: Array
    whitening: Array | None = None
    quadratic: bool = False

    @property
    def block_height(self) -> int:
        """Rows of which a block is made: their inputs and discriminants fit the cache."""
        if self._is_difference:  # neither is formed, and fewer blocks are fewer steps
            return max(16, BLOCK_BYTES // (8 * int(self.groups[-1].stop)))
        width = int(self._inputs[-1].stop) + len(self.counts)
        return max(16, BLOCK_ELEMENTS // width)

    def workspace(self, n_rows: int) -> Room:
        """Return room for one block of `n_rows` rows."""
        height = min(n_rows, self.block_height)
        return Room(self.weights[0], height, self._inputs[-1].stop, len(self.counts))

    def score(
        self, T: Array, own: IntArray, room: Room, *, loo: bool
    ) -> tuple[Float64Array, Float64Array]:
        """Score a block of rows with coordinates T (n_rows, k) and class ids `own`.

        Returns
        -------
        sums : ndarray of shape (n_groups,)
            Sum over rows of the posterior of the true class in each component.
        contributions : ndarray of shape (n_rows,)
            Σ_g S_ratio^g p(y_i | t_i^g).

        Notes
        -----
        With l_c = log p̃(c | t) the posterior of class y is 1 / (1 + Σ_{c≠y} exp(l_c − l_y)). This
        needs no maximum over classes: a difference that overflows gives the posterior 0, which is
        its value to the last digit.
        """
        T, ids = self.whitened(T), placed_like(room.like, own)
        with np.errstate(over="ignore", under="ignore"):
            if self._is_difference:
                odds = self._odds_of_two(T, ids, loo=loo)
            else:
                odds = self._odds(T, ids, room, loo=loo)
        posteriors: Float64Array = 1.0 / (1.0 + to_numpy(odds).astype(np.float64))
        if loo:
            # Without its only sample a class has no mean; what is known of it is its prior.
            alone = self.counts[own] == 1
            posteriors[alone] = np.minimum(posteriors[alone], 1.0 / self.counts.sum())
        return posteriors.sum(axis=0), posteriors @ self.ratios

    def _odds(self, T: Array, ids: Array, room: Room, *, loo: bool) -> Array:
        """Σ_{c≠y} exp(l_c − l_y) of each row in each component, shape (n_rows, n_groups)."""
        xp = array_namespace(T)
        inputs, values = room.inputs[: len(ids), :], room.values[: len(ids), :]
        rows = xp.arange(len(ids), device=device(T))
        # What can be done for all components at once is: the fewer steps, the less often two
        # threads that take blocks in turn wait for the interpreter. The constant inputs of the
        # room are ones from the start.
        if self._products is not None:
            product_columns, first, second = self._products
            inputs[:, product_columns] = T[:, first] * T[:, second]
        inputs[:, self._coordinates] = T
        own_values = (inputs * self._own_weights[ids, :]) @ self._membership
        if loo:
            squared = (
                xp.clip(2.0 * (self.log_scale[ids, :] - own_values), min=0.0)
                if self.quadratic
                else self._squared(T, ids)
            )
            own_values = own_values + self._leave_one_out_loss(squared, ids)
        inputs[:, self._common] = -own_values  # the products below are then l_c − l_y for all c
        odds = xp.empty(own_values.shape, dtype=values.dtype, device=device(T))
        for g, (columns, weights) in enumerate(zip(self._inputs, self.weights, strict=True)):
            xp.matmul(inputs[:, columns], weights, out=values)
            values[rows, ids] = -xp.inf
            odds[:, g] = xp.exp(values, out=values) @ weights[-1, :]
        return odds

    def _odds_of_two(self, T: Array, ids: Array, *, loo: bool) -> Array:
        """`_odds` of two linear discriminants: what l_1 − l_0 is to one class, its negative is."""
        xp = array_namespace(T)
        weights, constants = self._second_less_first
        differences = T @ weights + constants
        differences = xp.where((ids == 0)[:, None], differences, -differences)
        if loo:
            differences = differences - self._leave_one_out_loss(self._squared(T, ids), ids)
        return xp.exp(differences)

    def score_all(self, T: Array, own: IntArray, *, loo: bool) -> tuple[Float64Array, Float64Array]:
        """Score any number of rows, as `score` does, in blocks and on all cores."""
        sums = np.empty((-(-len(own) // self.block_height), len(self.groups)))
        contributions = np.empty(len(own))

        def score_block(block: int, rows: slice, room: Room) -> None:
            sums[block], contributions[rows] = self.score(T[rows, :], own[rows], room, loo=loo)

        room = partial(self.workspace, len(own))
        for_each_block(len(own), self.block_height, score_block, room)
        return sums.sum(axis=0), contributions

    def blocks(self, n_rows: int) -> Iterator[slice]:
        """Yield the blocks of rows whose discriminants fit the cache."""
        for start in range(0, n_rows, self.block_height):
            yield slice(start, min(start + self.block_height, n_rows))

    def whitened(self, T: Array) -> Array:
        """Return coordinates in the precision of the model, in which a common Λ is the identity."""
        T = array_namespace(T).astype(T, self.weights[0].dtype, copy=False)
        return T if self.whitening is None else T @ self.whitening

    def log_posteriors(self, g: int, t: Array) -> Array:
        """Return log p̃(c | t) of all classes in component g, less the largest of each row.

        Parameters
        ----------
        g : int
        t : array of shape (n_rows, p)
            Whitened coordinates of the component.

        Returns
        -------
        values : array of shape (n_rows, n_classes)
        """
        xp = array_namespace(t)
        if self.quadratic:
            first, second = np.triu_indices(t.shape[1])
            t = xp.concat([t[:, first] * t[:, second], t], axis=1)
        weights = self.weights[g]
        values = t @ weights[:-2, :] + weights[-2, :]
        return values - xp.max(values, axis=1, keepdims=True)

    def precisions(self, g: int) -> Float64Array:
        """Λ⁻¹ in component g, shape (n_classes, size, size), or (1, size, size) where common."""
        group = self.groups[g]
        size = group.stop - group.start
        if self.whitening is not None:
            factor = to_numpy(self.whitening[group, group]).astype(np.float64)
            return (factor @ factor.T)[None]
        if not self.quadratic:
            return np.eye(size)[None]
        first, second = np.triu_indices(size)
        # The weights of the products t_a t_b are −½ of the precision, twice that off the diagonal.
        products = to_numpy(self.weights[g][: len(first), :]).astype(np.float64).T
        found = np.zeros((len(products), size, size))
        found[:, first, second] = found[:, second, first] = -products
        found[:, range(size), range(size)] *= 2.0
        return found

    def placed_like(self, T: Array, precision: Precision) -> NccModel:
        """Return the model with its arrays where the coordinates T are, in this precision."""

        def place(values: Float64Array) -> Array:
            return placed_like(T, values, precision)

        return replace(
            self,
            weights=tuple(place(weights) for weights in self.weights),
            means=place(self.means),
            log_scale=place(self.log_scale),
            whitening=None if self.whitening is None else place(self.whitening),
        )

    @cached_property
    def _inputs(self) -> tuple[slice, ...]:
        """Columns of each component's inputs [φ(t), common], side by side."""
        stops = np.cumsum([weights.shape[0] for weights in self.weights]).tolist()
        return tuple(slice(start, stop) for start, stop in pairwise([0, *stops]))

    @cached_property
    def _common(self) -> IntArray:
        """Column of each component for what all classes of a row have in common."""
        return np.array([columns.stop - 1 for columns in self._inputs])

    @cached_property
    def _coordinates(self) -> IntArray:
        """Column of each coordinate."""
        return np.concatenate(
            [
                np.arange(group.start - group.stop, 0) + columns.stop - 2
                for columns, group in zip(self._inputs, self.groups, strict=True)
            ]
        )

    @cached_property
    def _products(self) -> tuple[IntArray, IntArray, IntArray] | None:
        """Column and the two coordinates of each product t_a t_b, of all components."""
        if not self.quadratic:
            return None
        products = []
        for columns, group in zip(self._inputs, self.groups, strict=True):
            first, second = np.triu_indices(group.stop - group.start) + np.array(group.start)
            products.append((columns.start + np.arange(len(first)), first, second))
        of_columns, of_first, of_second = (
            np.concatenate(part) for part in zip(*products, strict=True)
        )
        return of_columns, of_first, of_second

    @cached_property
    def _own_weights(self) -> Array:
        """Weights of each class, shape (n_classes, inputs of all components); 0 for the common."""
        xp = array_namespace(self.weights[0])
        weights = xp.asarray(xp.concat(self.weights, axis=0).T, copy=True)
        weights[:, self._common] = 0.0
        return weights

    @property
    def _is_difference(self) -> bool:
        """Whether the difference of two linear discriminants says all."""
        return len(self.counts) == 2 and not self.quadratic

    @cached_property
    def _second_less_first(self) -> tuple[Array, Array]:
        """Weights of l_1 − l_0 by coordinate, shape (k, n_groups), and constants (n_groups,)."""
        own = self._own_weights
        weights = (own[1, :] - own[0, :])[:, None] * self._membership
        xp = array_namespace(weights)
        return weights[self._coordinates, :], xp.sum(weights[self._common - 1, :], axis=0)

    @cached_property
    def _membership(self) -> Array:
        """1 where an input is of a component, shape (inputs of all components, n_groups)."""
        widths = [columns.stop - columns.start for columns in self._inputs]
        member = np.repeat(np.eye(len(widths)), widths, axis=0)
        return placed_like(self.weights[0], member, precision_of(self.weights[0]))

    def _squared(self, T: Array, ids: Array) -> Array:
        """Squared distance of each row to its class mean, shape (n_rows, n_groups)."""
        xp = array_namespace(T)
        square = xp.square(T - self.means[ids, :])
        return xp.stack([xp.sum(square[:, group], axis=1) for group in self.groups], axis=1)

    def _leave_one_out_loss(self, squared: Array, ids: Array) -> Array:
        """How much l_y falls when each sample is left out of its class mean: −½ (f² − 1) q_y.

        The sample moves away from its mean by the factor f = N_c / (N_c − 1); q_y is its squared
        Mahalanobis distance before. Shape (n_rows, n_groups).
        """
        xp = array_namespace(squared)
        count = placed_like(squared, self.counts, precision_of(squared))[ids]
        factor = count / xp.clip(count - 1, min=1)  # of no use where the class has one sample
        return -0.5 * (factor * factor - 1.0)[:, None] * squared
