"""Run a ranking: check what was asked for, have it done, order what came out."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from discorank.features import open_store
from discorank.ranking.budget import Budget, Spending
from discorank.ranking.disagreement import disputed
from discorank.ranking.events import told
from discorank.ranking.executors import Execution
from discorank.ranking.ordering import ordered
from discorank.ranking.preparing import prepare
from discorank.ranking.result import Ranking
from discorank.ranking.schedule import Schedule
from discorank.ranking.versions import versions
from discorank.ranking.work import Job
from discorank.scoring.bootstrap import check_confidence
from discorank.scoring.default import DEFAULT_SCORER
from discorank.scoring.validate import check_count

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from discorank.features import Progress
    from discorank.ranking.events import Events
    from discorank.ranking.executors import ExecutorName
    from discorank.ranking.preparing import Prepared
    from discorank.ranking.result import BudgetUse
    from discorank.types import JSON, Boxes, Target, Task

__all__ = ["rank"]


def rank(
    target: str | Path | Target,
    models: str | Sequence[str] | None = None,
    *,
    task: Task | None = None,
    scorer: str | Sequence[str] = DEFAULT_SCORER,
    scorer_options: Mapping[str, Any] | None = None,
    hard_fraction: float | None = None,
    input_column: str | Sequence[str] | None = None,
    label_column: str | Sequence[str] | None = None,
    split: str | None = None,
    images: str | Path | None = None,
    boxes: Boxes | None = None,
    max_samples: int | None = None,
    max_bad: int = 10,
    random_state: int = 0,
    device: str | None = None,
    batch_size: int = 32,
    workers: int | None = None,
    cache: str | Path | None = None,
    confidence: float = 0.9,
    coverage: float = 0.95,
    n_halves: int = 20,
    race: bool = False,
    budget: float | None = None,
    budget_samples: int | None = None,
    executor: ExecutorName = "local",
    jobs: int | None = None,
    timeout_per_model: float | None = None,
    ray_address: str | None = None,
    cpus_per_model: float | None = None,
    gpus_per_model: float | None = None,
    shard_samples: int | None = None,
    progress: Progress | None = None,
    events: Events | None = None,
) -> Ranking:
    """Rank candidate models for a labelled data set without fine-tuning them.

    A model that cannot be loaded, run or scored is listed in the result with the reason, and the
    others are ranked. Mistakes about the target, the scorer or the spelling of a spec stop at once.
    An interrupt (Ctrl-C) ends with the ranking of the models that were done, if any; the features
    of those are kept, and the same call goes on with the others. In a later round of a race it is
    the ranking of the round before, in which all have seen the same samples.

    Parameters
    ----------
    target : str, Path or Target
        A folder of class folders of images or audio files; a table (CSV, TSV, Parquet, JSON
        lines, a folder saved with `datasets`, ``"hf:owner/name"``); boxes (a ``.json`` of COCO
        annotations, a folder of Pascal VOC); an ``.npz`` of images or features with labels,
        targets or boxes; a built-in: ``"digits"``, ``"mnist5k"``; or a target that is already
        open.
    models : str or sequence of str, optional
        Specs of the candidates: ``"timm:resnet50.a1_in1k"``, ``"pool:offline"``, ... None takes a
        pool that fits the target and the device; `Ranking.pool` says which and why.
    task : {"classification", "multilabel", "regression", "detection"}, optional
        What the models would be fine-tuned for; None takes what the target says.
    scorer : str or sequence of str
        Name of the scorer; or of several, of which the first orders the models.
    scorer_options : mapping, optional
        Options, as the functions of the scorers take them: ``{"n_groups": 4}`` for every scorer
        that has it, ``{"knn": {"n_neighbors": 5}}`` for one.
    hard_fraction : float in (0, 1], optional
        Score this share of the samples, the hardest of each model (`discorank.hard_examples`).
    input_column, label_column : str or sequence of str, optional
        Columns of a table: two inputs are pairs of texts; several labels are regression targets,
        or labels of samples with several. Guessed where one choice is obvious.
    split : str, optional
        Split of a target that has splits; None takes the train split.
    images : str or Path, optional
        Folder of the images of COCO annotations; None looks for it beside the file.
    boxes : {"crop", "roi"}, optional
        How features of boxes are made by models whose spec does not say it: ``"crop"``, as by
        default, runs a model on what is cut out of its image; ``"roi"`` runs it once per image,
        and pools its feature map over each box by RoI align.
    max_samples : int, optional
        Score a stratified sample of this many; None scores all.
    max_bad : int
        Unreadable items of the target that are left out; more raise.
    random_state : int
        Seed of the sample, of the bootstrap and, unless its options hold one, of the scorer.
    device : str, optional
        Torch device, ``"cpu"``, ``"cuda:0"``; None picks the best there is.
    batch_size : int
    workers : int, optional
        Processes that decode items; None picks by the number of cores.
    cache : str or path, optional
        Folder where features are kept, or a URL that fsspec opens (``"s3://bucket/folder"``); None
        is ``DISCORANK_CACHE`` or the platform's cache folder.
    confidence : float in (0, 1)
        Probability with which the shortlist is to hold the best model.
    coverage : float in (0, 1)
        Of the intervals.
    n_halves : int
        A score that is no mean over samples is computed again on so many halves of the samples, for
        its interval; 0 leaves the interval out.
    race : bool
        Score all models on a sixteenth of the samples (100 at least), then those that are not
        beaten on twice as many, until all samples are seen or one model is left. A model that has
        left comes after those that saw more; its score is of the samples that it saw.
    budget : float, optional
        Seconds that the ranking may take. It is then a race: after the first round, one is begun
        only if it can be finished in time, as the rounds before let expect. Models that the first
        round does not reach in time are not ranked; `Ranking.unfinished` names them. Those whose
        features the cache holds come first, and one of the others is always run.
    budget_samples : int, optional
        Samples that models may be run on, all models together; likewise. Features that the cache
        holds cost nothing.
    executor : {"local", "processes", "ray"}
        Where models run: in this process; in processes of their own, so that one that takes its
        process down (a crash in native code, no memory) fails alone; or on the machines of a Ray
        cluster, all of which must reach the cache, and files of the target, by the same name. With
        as many threads for each model, all give the same bits.
    jobs : int, optional
        Processes of executor "processes". By default one per GPU of this machine, or one per four
        cores.
    timeout_per_model : float, optional
        Seconds after which a model is given up, counted anew in each round of a race. It then runs
        in a process of its own, since only the end of its process stops a model that hangs.
    ray_address : str, optional
        Of the cluster of executor "ray": ``"auto"``, ``"10.0.0.1:6379"``, ``"ray://…"``. None takes
        the one that is connected, else starts Ray on this machine.
    cpus_per_model, gpus_per_model : float, optional
        What a model needs of a node of executor "ray". By default one CPU, and one GPU where the
        cluster has any. A model has as many threads as CPUs.
    shard_samples : int, optional
        Extract and score each model on so many samples at a time, with every executor: one task
        for each model and shard. For scorer "disco" or "disco-cosine" on one class per sample.
    progress : Progress, optional
        Told of each batch; None is silent.
    events : callable, optional
        ``events(event, facts)`` is called as things happen: `discorank.ranking.events`.

    Returns
    -------
    ranking : Ranking
        Best by the first scorer first; equal scores by name.

    Raises
    ------
    InvalidInput, UnknownName, MissingExtra
        For the target, the scorer with its options, a spec that names nothing.
    """
    spending = Spending(Budget(budget, budget_samples))
    race = race or spending.budget.is_limited
    check_confidence(confidence)
    check_confidence(coverage, name="coverage")
    if workers is not None:
        check_count(workers, name="workers", least=0)
    execution = Execution(
        executor=executor,
        jobs=jobs,
        timeout_per_model=timeout_per_model,
        ray_address=ray_address,
        cpus_per_model=cpus_per_model,
        gpus_per_model=gpus_per_model,
        shard_samples=shard_samples,
    )
    prepared = prepare(
        target,
        models,
        task=task,
        boxes=boxes,
        max_samples=max_samples,
        max_bad=max_bad,
        random_state=random_state,
        device=device,
        batch_size=batch_size,
        scorer=scorer,
        scorer_options=scorer_options,
        hard_fraction=hard_fraction,
        n_halves=n_halves,
        input_column=input_column,
        label_column=label_column,
        split=split,
        images=images,
    )
    data, panel = prepared.data, prepared.panel
    job = Job(
        data=data,
        panel=panel,
        store=open_store(cache),
        device=device,
        batch_size=batch_size,
        workers=workers,
        progress=progress,
    )
    facts = _facts(
        job,
        prepared.specs,
        race=race,
        budget=budget,
        budget_samples=budget_samples,
        random_state=random_state,
    )
    with told(events, facts) as tell:
        with closing(execution.open(job)) as doer:
            schedule = Schedule.of(prepared.specs, doer, tell)
            budget_use = schedule.run(
                data,
                panel,
                race=race,
                random_state=random_state,
                spending=spending,
                missing=job.missing,
            )
        ranking = _ranking(
            prepared, schedule, budget_use, race=race, confidence=confidence, coverage=coverage
        )
        tell("run_finished", ranking.to_dict())
    return ranking


def _ranking(
    prepared: Prepared,
    schedule: Schedule,
    budget_use: BudgetUse | None,
    *,
    race: bool,
    confidence: float,
    coverage: float,
) -> Ranking:
    """Order what was scored, with all that is known of how it came about."""
    data, panel, scored = prepared.data, prepared.panel, schedule.scored
    sheets = {name: entry.sheet for name, entry in scored.items()}
    candidates = schedule.candidates.values()
    models = ordered(data, panel, scored, candidates, coverage=coverage)
    return Ranking(
        target=data.name,
        task=data.task,
        scorer=panel.scorers[0].name,
        models=models,
        failed=schedule.failed,
        unfinished=schedule.unfinished,
        race=race,
        options=panel.options,
        hard_fraction=panel.hard_fraction,
        resampling=panel.resampling(sheets),
        confidence=confidence,
        coverage=coverage,
        random_state=panel.random_state,
        n_samples=len(data),
        n_total=data.n_total,
        n_classes=len(data.classes),
        n_targets=0 if data.targets is None else data.targets.shape[1],
        fingerprint=data.fingerprint,
        bad=data.bad,
        versions=versions(),
        pool=prepared.pool,
        classes=data.class_counts,
        budget=budget_use,
        samples=disputed(data, [model.model for model in models], sheets),
    )


def _facts(job: Job, specs: Sequence[str], **options: JSON) -> dict[str, JSON]:
    """Return what `events` is told of the start."""
    data, panel = job.data, job.panel
    return {
        "target": data.name,
        "task": data.task,
        "fingerprint": data.fingerprint,
        "n_samples": len(data),
        "n_total": data.n_total,
        "scorers": [scorer.name for scorer in panel.scorers],
        "options": panel.options,
        "hard_fraction": panel.hard_fraction,
        **options,
        "device": job.device,
        "batch_size": job.batch_size,
        "models": specs,
        "versions": versions(),
    }
