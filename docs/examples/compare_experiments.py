"""Compare the runs of one or several experiments: which configuration is best, and whether that can be told.

    python docs/examples/compare_experiments.py --experiment 'e2i/%' --metric latency_ms --direction min

Needs ``MLFLOW_TRACKING_URI``; asks nobody else. Runs are grouped by tags and params (``--by``, default: agent and
prompt version), and each group is a configuration: count, mean and 95 % interval of every metric (Student, 1908).
The best one by the first metric is compared with each other one (Welch, 1947; intervals widened for the number of
comparisons, Bonferroni). Where an interval holds 0, and where there are too few runs, it says so and names no winner.
"""  # noqa: INP001 - examples are scripts, not a package

from __future__ import annotations

import argparse
import math
import os
import sys
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, variance
from typing import TYPE_CHECKING, Final

from mlflow import MlflowClient
from scipy.stats import t as student  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from mlflow.entities import Run

LEVEL: Final = 0.95
PAGE: Final = 1_000
MIN_RUNS: Final = 2
"""One run has no spread, and without a spread there is no telling."""

Configuration = tuple[str, ...]
"""The values of the tags and params that runs are grouped by, ``-`` where a run has none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """The values of one metric in the runs of one configuration."""

    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean; NaN without values."""
        return fmean(self.values) if self.values else math.nan

    @property
    def mean_variance(self) -> float:
        """The square of the mean's standard error; NaN below two values."""
        return variance(self.values) / len(self.values) if len(self.values) >= MIN_RUNS else math.nan

    def __str__(self) -> str:
        """E.g. ``0.912 [0.880, 0.944]``; without the interval below two values."""
        if not self.values:
            return "-"
        if len(self.values) < MIN_RUNS:
            return f"{self.mean:.4g}"
        half = float(student.ppf((1 + LEVEL) / 2, len(self.values) - 1)) * math.sqrt(self.mean_variance)
        return f"{self.mean:.4g} [{self.mean - half:.4g}, {self.mean + half:.4g}]"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the comparison; 0 if there was something to compare, else 2."""
    options = parser().parse_args(arguments)
    uri = os.environ.get("MLFLOW_TRACKING_URI")
    if not uri:
        sys.stderr.write("no server: type  export MLFLOW_TRACKING_URI=http://localhost:5000\n")
        return 2
    found = list(runs(MlflowClient(uri), options.experiment, options.tag))
    groups, left_out = grouped(found, options.by, options.metric)
    if not groups:
        sys.stderr.write(f"nothing to compare: {len(found)} runs found{described(left_out)}\n")
        return 2
    rows = table(groups, options.by, options.metric)
    verdict = judged({key: sample[options.metric[0]] for key, sample in groups.items()}, options.direction)
    closing = [f"{options.metric[0]}, {options.direction}: {verdict[0]}", *verdict[1:]]
    if left_out:
        closing.append(f"{sum(left_out.values())} of {len(found)} runs were left out{described(left_out)}")
    sys.stdout.write("\n".join([*plain(rows), "", *closing]) + "\n")
    if options.markdown:
        options.markdown.write_text("\n".join([*markdown(rows), "", *(f"- {line}" for line in closing)]) + "\n")
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    made = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    made.add_argument("--experiment", action="append", required=True, help="name, %% for any text; may be repeated")
    made.add_argument("--tag", action="append", default=[], help="KEY=VALUE that runs must have; may be repeated")
    made.add_argument("--by", nargs="+", default=["tags.e2i.agent", "tags.e2i.prompt_version"])
    made.add_argument("--metric", nargs="+", required=True, help="the first one decides which is best")
    made.add_argument("--direction", choices=("max", "min"), default="max", help="what is better")
    made.add_argument("--markdown", type=Path, help="also write the comparison to this file")
    return made


# runs


def runs(client: MlflowClient, names: Sequence[str], tags: Sequence[str]) -> Iterator[Run]:
    """Yield the runs of the experiments ``names`` that have all of ``tags``."""
    ids = {one.experiment_id for name in names for one in client.search_experiments(filter_string=like(name))}
    wanted = " and ".join(f"tags.`{key}` = '{value}'" for key, _, value in (tag.partition("=") for tag in tags))
    token = None
    while ids:
        page = client.search_runs(sorted(ids), wanted, max_results=PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def like(name: str) -> str:
    """Return the filter for an experiment's name."""
    return f"name LIKE '{name}'" if "%" in name else f"name = '{name}'"


def grouped(
    found: Sequence[Run], by: Sequence[str], metrics: Sequence[str]
) -> tuple[dict[Configuration, dict[str, Sample]], Counter[str]]:
    """Return the samples of each configuration, and why runs were left out."""
    kept: defaultdict[Configuration, list[Run]] = defaultdict(list)
    left_out: Counter[str] = Counter()
    for run in found:
        if run.info.status != "FINISHED":
            left_out[f"with status {run.info.status}"] += 1
        elif metrics[0] not in run.data.metrics:
            left_out[f"without {metrics[0]}"] += 1
        else:
            kept[tuple(value_of(run, name) for name in by)].append(run)
    samples = {key: {name: sample(of_key, name) for name in metrics} for key, of_key in sorted(kept.items())}
    return samples, left_out


def value_of(run: Run, name: str) -> str:
    """Return a run's tag or param, named as ``tags.NAME`` or ``params.NAME``."""
    kind, _, key = name.partition(".")
    values: dict[str, str] = {"tags": run.data.tags, "params": run.data.params}.get(kind, {})
    return values.get(key, "-")


def sample(of: Sequence[Run], metric: str) -> Sample:
    """Return the finite values of a metric."""
    values = (run.data.metrics.get(metric, math.nan) for run in of)
    return Sample(values=tuple(value for value in values if math.isfinite(value)))


def described(left_out: Mapping[str, int]) -> str:
    """Return why runs were left out, after a colon; nothing if none was."""
    return ": " + ", ".join(f"{count} {reason}" for reason, count in sorted(left_out.items())) if left_out else ""


# judging


def judged(samples: Mapping[Configuration, Sample], direction: str) -> list[str]:
    """Return the verdict: a headline, then a line for each other configuration."""
    sign = 1 if direction == "max" else -1
    ranked = sorted(
        (item for item in samples.items() if item[1].values), key=lambda item: item[1].mean * sign, reverse=True
    )
    if not ranked:
        return ["no run has a finite value"]
    (best, first), others = ranked[0], ranked[1:]
    told = [(key, difference(first, other, comparisons=len(others))) for key, other in others]
    unsure = [key for key, (low, high) in told if not (low > 0 or high < 0)]
    headline = f"best is {' '.join(best)}" if others and not unsure else f"{' '.join(best)} leads"
    if not others:
        headline += ", with nothing to compare it with"
    elif unsure:
        headline += f", but is not distinguishable from {len(unsure)} of {len(others)} others by these runs"
    return [headline, *(against(key, samples[key], first, interval) for key, interval in told)]


def difference(first: Sample, other: Sample, *, comparisons: int) -> tuple[float, float]:
    """Return the interval of the difference of two means (Welch, 1947); NaN where it cannot be told.

    That is when a sample has too few values, or when neither has any spread: runs that all give the same value
    repeat one measurement, and say nothing of other inputs.
    """
    error = first.mean_variance + other.mean_variance
    if math.isnan(error) or error == 0.0:
        return math.nan, math.nan
    gap = first.mean - other.mean
    freedom = error**2 / sum(one.mean_variance**2 / (len(one.values) - 1) for one in (first, other))
    half = float(student.ppf(1 - (1 - LEVEL) / 2 / comparisons, freedom)) * math.sqrt(error)
    return gap - half, gap + half


def against(key: Configuration, other: Sample, first: Sample, interval: tuple[float, float]) -> str:
    """Return how sure the difference to one other configuration is."""
    name, gap, (low, high) = " ".join(key), f"{first.mean - other.mean:+.4g}", interval
    if min(len(first.values), len(other.values)) < MIN_RUNS:
        return f"{name}: too few runs ({len(first.values)} and {len(other.values)}; {MIN_RUNS} of each are needed)"
    if math.isnan(low):
        return f"{name}: {gap}, but the runs of either all give the same value: they repeat one measurement"
    word = "differs" if low > 0 or high < 0 else "not distinguishable"
    return f"{name}: {word}, {gap} [{low:+.4g}, {high:+.4g}]"


# text


def table(
    groups: Mapping[Configuration, Mapping[str, Sample]], by: Sequence[str], metrics: Sequence[str]
) -> list[list[str]]:
    """Return the cells, heads first. ``n`` counts the runs that have the first metric."""
    heads = [*(name.split(".", 1)[-1] for name in by), "n", *metrics]
    rows = [[*key, str(len(of[metrics[0]].values)), *(str(of[name]) for name in metrics)] for key, of in groups.items()]
    return [heads, *rows]


def plain(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the cells in aligned columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def markdown(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the cells as a Markdown table."""
    lines = [f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in row)} |" for row in rows]
    return [lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]]


if __name__ == "__main__":
    sys.exit(main())
