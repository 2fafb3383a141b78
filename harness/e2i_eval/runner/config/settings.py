"""What a session was asked to do, as one frozen value."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal, cast

from e2i_eval.core.errors import UsageError
from e2i_eval.core.stats.repeats import RepeatPlan, RepeatWish, parse_times, repeat_plans
from e2i_eval.core.suggestion import suggested
from e2i_eval.runner.config.table import JUDGE_MODEL, ClaudeMode, InconclusiveMeans, read_table
from e2i_eval.runner.config.target_settings import TargetSettings, read_target

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from e2i_eval.runner.config.table import Table, TargetTable

__all__ = ["CANDIDATES", "ClaudeMode", "Settings", "TargetSettings", "read_settings"]

GoldenMode = Literal["report", "create", "fix", "trim", "review"]

TEMPORARY_STORE = "temp"
EXACT_MODES = ("mock", "replay")
"""Modes of Claude in which it says the same every time."""
OVERHEAD_BUDGET_S = 30.0
AB_BUDGET_S = 60.0
EVERY = "all"
CANDIDATES = "candidates"
"""Folder below the golden one, of the same layout, in which harvested cases wait for a person."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a session was asked to do.

    Attributes:
        root: the project's folder.
        golden: folder with ``cases/``.
        targets: by name, in the order of the file.
        claude: who answers for Claude.
        only: names of the targets to evaluate; empty means all.
        store: folder of the MLflow store; None for one that is thrown away.
        tracking_uri: a server of the team's; None starts a temporary one.
        report: folder of ``report.json``.
        cache: the user's cache folder of this product.
        tests: files or folders with evaluations written in Python, relative to ``root``.
        prices: file with prices that replace the built-in ones; None uses those alone.
        repeats: how often the cases of each target run, and how that counts together; see ``repeat_plan``.
        overhead: names of the targets whose logging is measured; empty measures none.
        overhead_budget_s: how long the pairs of one target may take.
        ab: git revision to measure latency against; None measures none.
        ab_budget_s: how long one set of pairs of one target may take.
        gate: rules of the gate for all targets, as written in the file.
        gate_where: ``file:line`` of those.
        gate_flags: rules of the command line, as written; they win over those of the file.
        baseline: name or path of what the gate compares with, or ``none``; None for the default.
        inconclusive: what an inconclusive gate does to the exit code; None gives it a code of its own.
        is_paced: replayed answers take the time they took when they were recorded.
        golden_mode: what becomes of golden files that are not what was observed; None judges by them alone.
        has_endpoint: processes that a case starts can ask Claude by an address of the case's own.
        judge_model: who judges where a judge does not say.
        is_judged_in_batch: judges are asked in one batch when the session ends.
        is_fresh: a live run begins anew, whatever an interrupted one has left.
        max_cost_usd: what may be spent on Claude; None when nothing was said: as much as it takes in live, nothing in
            record.
    """

    root: Path
    golden: Path
    targets: Mapping[str, TargetSettings]
    claude: ClaudeMode
    only: tuple[str, ...]
    store: Path | None
    tracking_uri: str | None
    report: Path
    cache: Path
    tests: tuple[Path, ...]
    prices: Path | None
    overhead: tuple[str, ...] = ()
    overhead_budget_s: float = OVERHEAD_BUDGET_S
    ab: str | None = None
    ab_budget_s: float = AB_BUDGET_S
    gate: tuple[str, ...] = ()
    gate_where: str = "pyproject.toml"
    gate_flags: tuple[str, ...] = ()
    baseline: str | None = None
    inconclusive: InconclusiveMeans | None = None
    is_paced: bool = False
    max_cost_usd: float | None = None
    judge_model: str = JUDGE_MODEL
    is_judged_in_batch: bool = False
    has_endpoint: bool = False
    is_fresh: bool = False
    golden_mode: GoldenMode | None = None

    repeats: Mapping[str, RepeatPlan] = field(default_factory=dict)

    def repeat_plan(self, target: str) -> RepeatPlan:
        """Return how the cases of ``target`` are repeated; once for one that is not configured."""
        return self.repeats.get(target, RepeatPlan())

    @property
    def cases(self) -> Path:
        """The folder with one sub-folder of case files a target."""
        return self.golden / "cases"

    @property
    def cassettes(self) -> Path:
        """The folder with one sub-folder of cassettes a target."""
        return self.golden / "cassettes"

    def is_chosen(self, target: str) -> bool:
        """Tell whether ``target`` is to be evaluated."""
        return not self.only or target in self.only


def read_settings(root: Path, chosen: Mapping[str, object], *, cache: Path, invocation: Path) -> Settings:
    """Read ``[tool.e2i_eval]`` of ``root/pyproject.toml`` and lay the command line's choices over it.

    Args:
        root: the project's folder.
        chosen: command line and ini values by option name; None where nothing was said.
        cache: the user's cache folder of this product.
        invocation: folder that relative paths of the command line start from.

    Raises:
        UsageError: the file is missing, is no TOML, or says something this version does not know.
    """
    written = read_table(root / "pyproject.toml")
    table, tables = written.table, written.targets()
    targets = {name: read_target(root, written, name, each) for name, each in tables.items()}
    store = chosen.get("store")
    report = chosen.get("report")
    settings = Settings(
        root=root,
        golden=root / table.golden,
        targets=targets,
        claude=cast("ClaudeMode", chosen.get("claude") or table.claude),
        only=_only(chosen.get("target"), tuple(targets)),
        store=_store(invocation, str(store)) if store else _store(root, table.store),
        tracking_uri=_uri(chosen.get("tracking_uri")),
        report=invocation / str(report) if report else root / table.report,
        cache=cache,
        tests=tuple(root / each for each in table.tests if (root / each).exists()),
        prices=root / table.prices if table.prices else None,
        repeats=_repeats(table, tables, targets, chosen),
        overhead=_overhead(chosen, tuple(targets), str(chosen.get("claude") or table.claude)),
        overhead_budget_s=_budget_s(chosen.get("overhead_budget")),
        ab=_ab(chosen.get("ab"), str(chosen.get("claude") or table.claude)),
        ab_budget_s=_budget_s(chosen.get("ab_budget"), flag="--e2i-ab-budget", default_s=AB_BUDGET_S),
        gate=tuple(table.gate),
        gate_where=written.where("gate"),
        gate_flags=tuple(map(str, cast("list[str]", chosen.get("gate") or ()))),
        baseline=cast("str | None", chosen.get("baseline") or table.baseline),
        inconclusive=cast("InconclusiveMeans | None", chosen.get("inconclusive") or table.inconclusive),
        is_paced=_is_paced(chosen.get("replay_times"), str(chosen.get("claude") or table.claude)),
        max_cost_usd=_max_cost_usd(chosen.get("max_cost"), str(chosen.get("claude") or table.claude)),
        judge_model=table.judge_model,
        is_judged_in_batch=_is_judged_in_batch(chosen.get("judge_batches"), str(chosen.get("claude") or table.claude)),
        has_endpoint=bool(chosen.get("claude_endpoint") or table.claude_endpoint),
        is_fresh=_is_fresh(chosen.get("fresh"), str(chosen.get("claude") or table.claude)),
        golden_mode=cast("GoldenMode | None", chosen.get("golden")),
    )
    return _of_candidates(settings) if chosen.get("candidates") else settings


def _of_candidates(settings: Settings) -> Settings:
    """Return the settings under which candidates run: checks of goldens and the gate know nothing of them."""
    targets = {name: replace(each, families=None, gate=()) for name, each in settings.targets.items()}
    golden = settings.golden / CANDIDATES
    return replace(settings, golden=golden, targets=targets, tests=(), gate=(), gate_flags=(), baseline="none")


def _repeats(
    table: Table,
    tables: Mapping[str, TargetTable],
    targets: Mapping[str, TargetSettings],
    chosen: Mapping[str, object],
) -> dict[str, RepeatPlan]:
    wishes = {
        name: RepeatWish(times=each.repeat, reduce=each.reduce, where=targets[name].where)
        for name, each in tables.items()
    }
    exact = (chosen.get("claude") or table.claude) in EXACT_MODES
    return repeat_plans(wishes, flag=parse_times(chosen.get("repeat")), general=table.repeat, exact=exact)


def _only(chosen: object, known: tuple[str, ...]) -> tuple[str, ...]:
    names = tuple(map(str, chosen)) if isinstance(chosen, (list, tuple)) else (str(chosen),) if chosen else ()
    for name in names:
        if name not in known:
            what = f"--e2i-target={name}: there is no such target"
            raise UsageError(what, fix=suggested(name, known, otherwise=f"use one of {', '.join(known)}"))
    return names


def _overhead(chosen: Mapping[str, object], known: tuple[str, ...], claude: str) -> tuple[str, ...]:
    """Return the targets whose logging is to be measured: ``all`` stands for those that are evaluated."""
    said = chosen.get("overhead")
    names = tuple(map(str, said)) if isinstance(said, (list, tuple)) else (str(said),) if said else ()
    if names and claude not in EXACT_MODES:
        what = f"--e2i-overhead: Claude's own time, {claude}, hides what logging costs"
        raise UsageError(what, fix="measure with --e2i-claude=mock")
    only = _only(chosen.get("target"), known)
    for name in names:
        if name not in {*known, EVERY}:
            what = f"--e2i-overhead={name}: there is no such target"
            otherwise = f"use all, or one of {', '.join(known)}"
            raise UsageError(what, fix=suggested(name, (*known, EVERY), otherwise=otherwise))
    return tuple(each for each in known if each in names or (EVERY in names and (not only or each in only)))


def _ab(ref: object, claude: str) -> str | None:
    if ref and claude != "mock":
        what = f"--e2i-ab: with --e2i-claude={claude} Claude's own time hides what the code takes"
        raise UsageError(what, fix="measure with --e2i-claude=mock")
    return str(ref) if ref else None


def _is_paced(value: object, claude: str) -> bool:
    if value and claude != "replay":
        what = f"--e2i-replay-times: with --e2i-claude={claude} there are no recorded times to keep to"
        raise UsageError(what, fix="add --e2i-claude=replay, or leave it out")
    return bool(value)


def _is_judged_in_batch(value: object, claude: str) -> bool:
    if value and claude != "live":
        what = f"--e2i-judge-batches: with --e2i-claude={claude} no judge is asked by the API alone"
        raise UsageError(what, fix="add --e2i-claude=live, or leave it out")
    return bool(value)


def _is_fresh(value: object, claude: str) -> bool:
    if value and claude != "live":
        what = f"--e2i-fresh: with --e2i-claude={claude} no run is resumed"
        raise UsageError(what, fix="leave it out, or add --e2i-claude=live")
    return bool(value)


def _max_cost_usd(value: object, claude: str) -> float | None:
    if value is None:
        return None
    try:
        max_cost_usd = float(str(value))
    except ValueError:
        max_cost_usd = math.nan
    if not (math.isfinite(max_cost_usd) and max_cost_usd >= 0):
        what = f"--e2i-max-cost={value} is no amount"
        raise UsageError(what, fix="give US dollars, e.g. --e2i-max-cost=0.50")
    if claude in EXACT_MODES:
        what = f"--e2i-max-cost: with --e2i-claude={claude} nothing is spent"
        raise UsageError(what, fix="leave it out, or add --e2i-claude=record or --e2i-claude=live")
    return max_cost_usd


def _budget_s(value: object, *, flag: str = "--e2i-overhead-budget", default_s: float = OVERHEAD_BUDGET_S) -> float:
    try:
        budget_s = float(str(value)) if value is not None else default_s
    except ValueError:
        budget_s = math.nan
    if not (math.isfinite(budget_s) and budget_s > 0):
        what = f"{flag}={value} is no time"
        raise UsageError(what, fix=f"give seconds, e.g. {flag}={default_s:g}")
    return budget_s


def _store(base: Path, value: str) -> Path | None:
    return None if value == TEMPORARY_STORE else base / value


def _uri(value: object) -> str | None:
    if value is None:
        return None
    if not str(value).startswith(("http://", "https://")):
        what = f"--e2i-tracking-uri={value} is not the address of a server"
        raise UsageError(what, fix="write for example --e2i-tracking-uri=http://127.0.0.1:5000")
    return str(value).rstrip("/")
