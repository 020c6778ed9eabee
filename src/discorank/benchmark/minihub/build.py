"""MiniHub from nothing: pre-train every candidate, keep its features, fine-tune it everywhere.

Every step leaves a file in the working folder and is not done again, so that a run that was
interrupted goes on where it was.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from torch import nn

from discorank._files import write_atomically
from discorank.benchmark.minihub.networks import ARCHITECTURES, N_FEATURES, as_input, build
from discorank.benchmark.minihub.pretraining import Member, pretrain
from discorank.benchmark.minihub.sources import SOURCES
from discorank.benchmark.minihub.targets import TARGETS, ImageSplits, TargetPlan, draw
from discorank.benchmark.suite import Suite, read_suite, write_suite
from discorank.benchmark.truth import TargetData, finetuned, probed
from discorank.features import Progress, SilentProgress
from discorank.finetuning import Data, Recipe
from discorank.ranking.versions import versions

__all__ = ["MiniHubPlan", "make"]

_DESCRIPTION = (
    "Three small networks of one size, each pre-trained on nine sources, fine-tuned on real images "
    "of 28 × 28 pixels"
)


@dataclass(frozen=True)
class MiniHubPlan:
    """What is made: by default all of MiniHub; less to try things out.

    Attributes
    ----------
    architectures, sources : tuple of str
        Every one of the first is pre-trained on every one of the second.
    targets : mapping
        From the name of each target to how it is drawn.
    image_share : float
        Share of the images of a source that is used.
    lrs, decays : tuple of float
        The grid for full fine-tunes with SGD and Nesterov momentum, as `Recipe.at` takes it.
    probe_lrs : tuple of float
        Learning rates for the linear probe.
    probe_epochs : int
    batch_size : int
    seeds : tuple of int
        Of the fine-tunes.
    seed : int
        Of everything else: weights, sources, splits.
    """

    architectures: tuple[str, ...] = tuple(ARCHITECTURES)
    sources: tuple[str, ...] = tuple(SOURCES)
    targets: Mapping[str, TargetPlan] = field(default_factory=lambda: dict(TARGETS))
    image_share: float = 1.0
    lrs: tuple[float, ...] = (0.02, 0.1)
    decays: tuple[float, ...] = (0.0, 1e-3)
    probe_lrs: tuple[float, ...] = (0.03, 0.3)
    probe_epochs: int = 15
    batch_size: int = 25
    seeds: tuple[int, ...] = (0, 1, 2)
    seed: int = 0

    @property
    def members(self) -> tuple[Member, ...]:
        """The candidates."""
        return tuple(
            Member(architecture, source)
            for architecture in self.architectures
            for source in self.sources
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the plan as what JSON can hold."""
        targets = {name: asdict(target) for name, target in self.targets.items()}
        options = {name: value for name, value in vars(self).items() if name != "targets"}
        return {**options, "targets": targets}

    def digest(self) -> str:
        """Return a digest: files of one plan are not those of another."""
        text = json.dumps(self.to_dict(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:12]


def make(
    folder: Path,
    work: Path,
    *,
    plan: MiniHubPlan | None = None,
    data: Path | None = None,
    processes: int = 2,
    progress: Progress | None = None,
) -> Suite:
    """Make the suite anew.

    Parameters
    ----------
    folder : Path
        Where the suite is written.
    work : Path
        Where weights, features and finished fine-tunes are kept meanwhile, below the digest of the
        plan; a run that was interrupted goes on from there.
    plan : MiniHubPlan, optional
    data : Path, optional
        Folder with the files of Fashion-MNIST.
    processes : int
        Each runs on one thread.
    progress : Progress, optional
        Told of every network that was pre-trained, and fine-tuned on a target.

    Returns
    -------
    suite : Suite

    Raises
    ------
    InvalidInput
        If images are missing.
    """
    plan = plan or MiniHubPlan()
    workshop = _Workshop(work / plan.digest(), plan, data)
    workshop.folder.mkdir(parents=True, exist_ok=True)
    # Fails here, and not in every worker, where images are missing.
    splits = {target: draw(how, seed=plan.seed, data=data) for target, how in plan.targets.items()}
    cells = [(member, target) for target in plan.targets for member in plan.members]
    bar = progress or SilentProgress()
    bar.start("minihub", len(plan.members) + len(cells))
    try:
        with _workers(processes) as run:
            for step, jobs in ((workshop.pretrain, plan.members), (workshop.measure, cells)):
                for _ in run(step, jobs):
                    bar.advance(1)
    finally:
        bar.finish()
    write_suite(
        folder,
        name="minihub",
        description=_DESCRIPTION,
        parameters={member.name: _size(member) for member in plan.members},
        cells={
            target: {member.name: workshop.read(member, target) for member in plan.members}
            for target in plan.targets
        },
        arrays=dict(workshop.arrays(splits)),
        provenance={**plan.to_dict(), "versions": versions(), "seconds": workshop.seconds()},
    )
    return read_suite(folder)


@dataclass(frozen=True)
class _Workshop:
    """The working folder; its methods run in the worker processes."""

    folder: Path
    plan: MiniHubPlan
    data: Path | None

    def pretrain(self, member: Member) -> None:
        """Leave the weights of a candidate."""
        path = self._weights(member)
        if path.exists():
            return
        started = time.perf_counter()
        network = pretrain(member, seed=self.plan.seed, share=self.plan.image_share, data=self.data)
        seconds = time.perf_counter() - started
        content = safetensors.torch.save(network.state_dict(), {"seconds": repr(seconds)})
        write_atomically(path, content)

    def measure(self, cell: tuple[Member, str]) -> None:
        """Leave features and fine-tuned accuracies of a candidate on a target."""
        member, target = cell
        path = self._cell(member, target)
        if path.exists():
            return
        plan, how = self.plan, self.plan.targets[target]
        network = self._network(member)
        data = _data(draw(how, seed=plan.seed, data=self.data))
        base = Recipe(epochs=how.epochs, batch_size=plan.batch_size)
        started = time.perf_counter()
        full = finetuned(
            network,
            data,
            n_features=N_FEATURES,
            recipes=[base.at(lr, ratio) for lr in plan.lrs for ratio in plan.decays],
            seeds=plan.seeds,
        )
        seconds = time.perf_counter() - started
        probe = replace(base, epochs=plan.probe_epochs)
        linear, features = probed(
            network,
            data,
            recipes=[probe.at(lr, 0.0) for lr in plan.probe_lrs],
            seeds=plan.seeds,
        )
        found = {"finetuned": full.to_dict(), "linear": linear.to_dict(), "seconds": seconds}
        half = features.astype(np.float16)
        write_atomically(path.with_suffix(".npy"), lambda file: np.save(file, half))
        text = json.dumps(found, allow_nan=False)
        write_atomically(path, text)

    def read(self, member: Member, target: str) -> dict[str, Any]:
        """Return what `measure` has left."""
        cell: dict[str, Any] = json.loads(self._cell(member, target).read_text(encoding="utf-8"))
        return cell

    def arrays(self, splits: Mapping[str, ImageSplits]) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield each target with its labels and the features of every candidate."""
        for target, split in splits.items():
            features = {
                member.name: np.load(self._cell(member, target).with_suffix(".npy"))
                for member in self.plan.members
            }
            yield target, {"labels": split.train[1].astype(np.int16), **features}

    def seconds(self) -> dict[str, float]:
        """Sum over all processes, by what was done."""
        pretraining = 0.0
        for member in self.plan.members:
            with safetensors.safe_open(self._weights(member), framework="np") as file:
                pretraining += float(file.metadata()["seconds"])
        cells = [
            self.read(member, target)["seconds"]
            for member in self.plan.members
            for target in self.plan.targets
        ]
        return {"pretraining": round(pretraining, 1), "finetuning": round(sum(cells), 1)}

    def _network(self, member: Member) -> nn.Module:
        network = build(member.architecture, seed=self.plan.seed)
        network.load_state_dict(safetensors.torch.load_file(self._weights(member)))
        return network.eval()

    def _weights(self, member: Member) -> Path:
        return self.folder / f"{member.name}.safetensors"

    def _cell(self, member: Member, target: str) -> Path:
        return self.folder / f"{target}--{member.name}.json"


def _data(splits: ImageSplits) -> TargetData:
    train, validation, test = (
        Data(as_input(pixels), labels)
        for pixels, labels in (splits.train, splits.validation, splits.test)
    )
    return TargetData(train, validation, test, splits.n_classes)


@contextmanager
def _workers(processes: int) -> Iterator[Callable[..., Iterator[None]]]:
    """Yield what runs a step for every job: in so many processes, or for one in this process.

    Each works on one thread: with as many as there are cores, the last digits, and with them the
    truth, would depend on the machine.
    """
    if processes == 1:
        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            yield map
        finally:
            torch.set_num_threads(threads)
        return
    # Spawned: a fork of a process that has run torch's threads may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(processes, context, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool.map
    finally:
        pool.shutdown(cancel_futures=True)


def _size(member: Member) -> int:
    network = build(member.architecture, seed=0)
    return sum(parameter.numel() for parameter in network.parameters())
