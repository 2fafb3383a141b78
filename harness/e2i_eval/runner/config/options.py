"""The flags, declared once as data; the only module that reads the environment.

pytest and the command ``e2i-eval`` are both served from ``OPTIONS``.
Importing this module imports the standard library only.
"""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from e2i_eval.runner.config.settings import Settings

__all__ = [
    "ENABLE",
    "OPTIONS",
    "GitHub",
    "Option",
    "cache_folder",
    "ci_variable",
    "environment",
    "github",
    "is_enabled",
    "one_thread_each",
    "parse_settings",
    "secrets",
]


TEMPORARY_STORE = "temp"
THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS")
CI_VARIABLES = (
    "CI",
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "BUILDKITE",
    "CIRCLECI",
    "JENKINS_URL",
    "TEAMCITY_VERSION",
    "TF_BUILD",
    "TRAVIS",
)
SECRET_SUFFIXES = ("_KEY", "_TOKEN", "_SECRET", "_PASSWORD")
SECRET_MIN_LENGTH = 8
"""Shorter values occur by chance in any text and would raise false alarms."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One setting: a pytest flag, an ini option of the same name, and where it makes sense a TOML key.

    Attributes:
        name: ``tracking_uri`` for ``--e2i-tracking-uri``, ini ``e2i_tracking_uri``, TOML ``tracking_uri``.
        help: one line for ``--help``.
        action: how the command line collects it.
        choices: the allowed values; empty allows all.
        metavar: placeholder in ``--help``.
        toml: whether ``[tool.e2i_eval]`` may set it too.
        is_path: a relative value starts at the project's folder in a file, at the current one on the command line.
        former: the option's earlier name, still accepted as flag and as ini option; empty when it has none.
    """

    name: str
    help: str
    action: Literal["store", "store_true", "append"] = "store"
    choices: tuple[str, ...] = ()
    metavar: str | None = None
    toml: bool = True
    is_path: bool = False
    former: str = ""

    @property
    def flag(self) -> str:
        """The command-line flag."""
        return "--e2i-" + self.name.replace("_", "-")

    @property
    def dest(self) -> str:
        """The ini option's name, which is also the command line's destination."""
        return "e2i_" + self.name

    @property
    def spellings(self) -> tuple[Option, ...]:
        """The option, and behind it the same under its former name."""
        return (self, replace(self, name=self.former, former="")) if self.former else (self,)

    @property
    def ini_type(self) -> Literal["string", "args", "bool"]:
        """How pytest reads the ini option: one that may be given several times is a list of words."""
        kinds: dict[str, Literal["string", "args", "bool"]] = {"append": "args", "store_true": "bool"}
        return kinds.get(self.action, "string")


ENABLE = Option(
    name="eval",
    action="store_true",
    toml=False,
    help="evaluate the targets of [tool.e2i_eval] against their golden cases; without it the plugin does nothing",
)

OPTIONS = (
    ENABLE,
    Option(
        name="claude",
        choices=("mock", "replay", "record", "live"),
        help="who answers for Claude: the case's script (mock, default), its cassette (replay), its cassette and, for "
        "what is not in it, the configured API (record), or the API alone (live)",
    ),
    Option(
        name="replay_times",
        action="store_true",
        toml=False,
        help="in replay, let recorded answers take the time they took",
    ),
    Option(
        name="claude_endpoint",
        action="store_true",
        help="let processes that a case starts ask Claude too, in any language: ANTHROPIC_BASE_URL is set for them",
    ),
    Option(
        name="golden",
        choices=("report", "create", "fix", "trim", "review"),
        toml=False,  # there the word names the folder
        help="what becomes of golden files: show what would change (report), write expectations where there are none "
        "(create), change those that failed to what was observed (fix), remove what plays no part any more (trim), or "
        "ask about each change (review)",
    ),
    Option(
        name="max_cost",
        metavar="USD",
        toml=False,
        help="what the session may spend on Claude in record and live; recording something new needs it",
    ),
    Option(
        name="judge_batches",
        action="store_true",
        toml=False,
        help="in live, ask all judges in one batch when the session ends, at half price",
    ),
    Option(
        name="fresh",
        action="store_true",
        toml=False,
        help="in live, begin anew instead of resuming a run that was interrupted",
    ),
    Option(
        name="target",
        action="append",
        metavar="NAME",
        toml=False,
        help="evaluate only this target; may be given several times",
    ),
    Option(
        name="candidates",
        action="store_true",
        toml=False,
        help="run the harvested candidates of golden/candidates instead of the goldens; no gate, no Python tests",
    ),
    Option(
        name="repeat",
        metavar="N",
        help="run each case up to N times: to see that it always comes out the same, or (live) how often it passes",
    ),
    Option(
        name="store",
        metavar="PATH|temp",
        is_path=True,
        help="folder of the MLflow store (default .e2i/mlflow); 'temp' throws it away afterwards",
    ),
    Option(
        name="tracking_uri",
        metavar="URI",
        toml=False,
        help="use this MLflow server instead of a temporary one",
    ),
    Option(
        name="report",
        metavar="DIR",
        is_path=True,
        help="folder of report.json, report.md and report.html (default .e2i)",
    ),
    Option(
        name="overhead",
        action="append",
        metavar="all|NAME",
        toml=False,
        help="measure what logging costs this target's caller, after the cases; may be given several times",
    ),
    Option(
        name="overhead_budget",
        metavar="SECONDS",
        toml=False,
        help="how long the measurement of one target's overhead may take (default 30)",
    ),
    Option(
        name="ab",
        former="duet",
        metavar="REF",
        toml=False,
        help="A/B latency test: measure latency against this git revision, pair by pair, after the cases",
    ),
    Option(
        name="ab_budget",
        former="duet_budget",
        metavar="SECONDS",
        toml=False,
        help="how long one set of pairs of one target may take (default 60)",
    ),
    Option(
        name="gate",
        action="append",
        metavar="RULE",
        help="rule to be kept, e.g. claude_calls:+0, pass_rate:>=0.95, overhead_ms:<50; may be given several times",
    ),
    Option(
        name="baseline",
        metavar="NAME|PATH|none",
        help="accepted run to compare with (default main, if there is golden/baselines/main.json); none for none",
    ),
    Option(
        name="inconclusive",
        choices=("pass", "fail"),
        help="what an inconclusive gate does to the exit code, which is 6 otherwise",
    ),
)


def is_enabled(getoption: Callable[[str], object], getini: Callable[[str], object]) -> bool:
    """Tell whether evaluation was asked for, by flag or by ini option."""
    return bool(getoption(ENABLE.dest)) or str(getini(ENABLE.dest)).lower() in {"1", "true", "yes", "on"}


def parse_settings(
    root: Path,
    getoption: Callable[[str], object],
    getini: Callable[[str], object],
) -> Settings:
    """Turn flags, ini options and ``[tool.e2i_eval]`` into ``Settings``; a flag wins over ini, ini over TOML.

    Raises:
        UsageError: one of them is wrong; the message says which and what to type.
    """
    from e2i_eval.runner.config.settings import read_settings  # noqa: PLC0415  defers pydantic

    chosen = {
        option.name: _said(option, getoption, "flag") or _from_ini(option, _said(option, getini, "dest"), root)
        for option in OPTIONS[1:]
    }
    for option in OPTIONS[1:]:
        _refuse_unknown_choice(option, chosen[option.name])
    return read_settings(root, chosen, cache=cache_folder(os.environ), invocation=Path.cwd())


def environment() -> MutableMapping[str, str]:
    """Return the process's environment, for the adapters that must change it for the time of a run."""
    return os.environ


@dataclass(frozen=True, slots=True, kw_only=True)
class GitHub:
    """Where a job of GitHub Actions shows what it did.

    Attributes:
        summary: file whose text appears on the job's page; None when there is none.
        is_annotated: whether commands in the output become annotations.
        workspace: the repository's folder; None when it is not known.
    """

    summary: Path | None
    is_annotated: bool
    workspace: Path | None

    def folder_of(self, root: Path) -> str:
        """Return a project's folder as seen from the repository's; empty when it is that, or outside."""
        if self.workspace is None or not root.is_relative_to(self.workspace):
            return ""
        return "/".join(root.relative_to(self.workspace).parts)


def github(environ: MutableMapping[str, str]) -> GitHub | None:
    """Return where GitHub Actions shows results; None when this is no job of it."""
    summary, workspace = environ.get("GITHUB_STEP_SUMMARY"), environ.get("GITHUB_WORKSPACE")
    is_annotated = environ.get("GITHUB_ACTIONS", "").lower() == "true"
    if not summary and not is_annotated:
        return None
    return GitHub(
        summary=Path(summary) if summary else None,
        is_annotated=is_annotated,
        workspace=Path(workspace) if workspace else None,
    )


def one_thread_each(environ: MutableMapping[str, str]) -> None:
    """Keep numeric libraries to one thread unless the user said otherwise; must come before they are imported.

    Their threads spin while they wait, which on busy cores costs a multiple of the computation:
    9 s became 56 s on two cores with three other processes.
    """
    for variable in THREAD_VARIABLES:
        environ.setdefault(variable, "1")


def cache_folder(environ: MutableMapping[str, str]) -> Path:
    """Return the user's cache folder of this product: ``E2I_EVAL_CACHE``, or the platform's customary place."""
    if chosen := environ.get("E2I_EVAL_CACHE"):
        return Path(chosen)
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "e2i-eval"
    if sys.platform == "win32":
        return Path(environ.get("LOCALAPPDATA", Path.home())) / "e2i-eval" / "Cache"
    return Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "e2i-eval"


def ci_variable(environ: MutableMapping[str, str]) -> str:
    """Return the name of the variable that says this is CI, where golden files are read-only; empty elsewhere."""
    said = (name for name in CI_VARIABLES if environ.get(name, "").lower() not in {"", "0", "false"})
    return next(said, "")


def secrets(environ: MutableMapping[str, str]) -> tuple[str, ...]:
    """Return the values of variables that are called like secrets, to be looked for in what is logged."""
    return tuple(
        sorted(
            value
            for name, value in environ.items()
            if name.upper().endswith(SECRET_SUFFIXES) and len(value) >= SECRET_MIN_LENGTH
        )
    )


def _said(option: Option, ask: Callable[[str], object], shown: Literal["flag", "dest"]) -> object:
    """Return what was said under the option's name or its former one; None when nothing was."""
    said = {getattr(each, shown): ask(each.dest) for each in option.spellings}
    given = {name: value for name, value in said.items() if value}
    if len(set(map(str, given.values()))) > 1:
        from e2i_eval.core.errors import UsageError  # noqa: PLC0415  keeps the idle plugin's import short

        new, old = given
        what = f"{new}={given[new]} and {old}={given[old]} are the same option with different values"
        raise UsageError(what, fix=f"leave {old} out: it is the former name of {new}")
    return next(iter(given.values()), None)


def _from_ini(option: Option, value: object, root: Path) -> object:
    if option.is_path and value and value != TEMPORARY_STORE:
        return str(root / str(value))
    return value or None


def _refuse_unknown_choice(option: Option, value: object) -> None:
    from e2i_eval.core.errors import UsageError  # noqa: PLC0415  keeps the idle plugin's import short

    if value is not None and option.choices and value not in option.choices:
        what = f"{option.flag}={value} is not known"
        raise UsageError(what, fix=f"use one of {', '.join(option.choices)}")
