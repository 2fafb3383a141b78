"""Traces of the reference platform become candidates, and the candidates are replayed: how many are green unedited?

Run by hand: ``python tests/performance/harvest_many.py --traces 500``. It takes minutes: every trace is made by a call
of a real agent, logged to a real server, read back, written as a case, and called again.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
BRANDS = ("Kisqali", "Fabhalta", "Remibrutinib")
FIRST_SEED = 7


def main() -> int:
    """Make traces, harvest them, replay the candidates, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--traces", type=int, default=500)
    parser.add_argument("--home", type=Path, help="folder to work in, kept; default a temporary one")
    arguments = parser.parse_args()
    home = arguments.home or Path(tempfile.mkdtemp(prefix="e2i-harvest-"))
    try:
        return _measure(home.absolute(), arguments.traces)
    finally:
        if arguments.home is None:
            shutil.rmtree(home, ignore_errors=True)


def _measure(home: Path, traces: int) -> int:
    project = _project(home, traces)
    store = f"--store={home / 'store'}"
    _timed("made the traces", _pytest(project, "-n", "2", f"--e2i-store={home / 'store'}"), project)
    shutil.rmtree(project / "golden" / "cases")
    harvested = [sys.executable, "-m", "e2i_eval", "harvest", store, f"--limit={traces}"]
    print(_timed("harvested", harvested, project))
    _timed("replayed", _pytest(project, "-n", "2", "--e2i-store=temp", "--e2i-candidates", *REPLAY), project)
    report = json.loads((home / "report" / "report.json").read_text(encoding="utf-8"))
    return _told(report["cases"], project / "golden" / "candidates" / "cases")


REPLAY = ("--e2i-claude=replay",)


def _project(home: Path, traces: int) -> Path:
    """Write a project with the platform's targets and as many cases as traces are wanted, without expectations."""
    project = home / "project"
    project.mkdir(parents=True)
    for name in ("evals", "fixtures", "tests"):
        (project / name).symlink_to(ROOT / name)
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    text = re.sub(r'^families = ".*"\n', "", text, flags=re.MULTILINE).replace('tests = ["evals"]', "tests = []")
    (project / "pyproject.toml").write_text(text, encoding="utf-8")
    for number, (file, case) in zip(range(traces), _variants(), strict=False):
        path = project / "golden" / "cases" / file.parent.name / f"{file.stem}-{number}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(case, sort_keys=False, allow_unicode=True), encoding="utf-8")
    return project


def _variants() -> Iterator[tuple[Path, dict[str, Any]]]:
    """Yield the goldens as they are, then with other brands and other seeds, for ever."""
    files = sorted((ROOT / "golden" / "cases").glob("*/*.yaml"))
    cases = [(file, yaml.safe_load(file.read_text(encoding="utf-8"))) for file in files]
    kept = ("schema", "inputs", "claude")
    turn = 0
    while True:
        for file, case in cases:
            inputs = dict(case["inputs"])
            if turn:
                inputs["brand"] = BRANDS[turn % len(BRANDS)]
                inputs |= {} if file.parent.name == "rag" else {"seed": FIRST_SEED + turn}
            yield file, {name: case[name] for name in kept if name in case} | {"inputs": inputs}
        turn += 1


def _pytest(project: Path, *words: str) -> list[str]:
    report = f"--e2i-report={project.parent / 'report'}"
    return [sys.executable, "-m", "pytest", "-q", "--e2i-eval", "-p", "no:cacheprovider", report, *words]


def _timed(what: str, command: list[str], folder: Path) -> str:
    begun_s = time.monotonic()
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    print(f"{what} in {time.monotonic() - begun_s:.0f} s (exit code {done.returncode})", flush=True)
    if done.returncode not in {0, 1, 6}:
        print(done.stdout[-3000:], done.stderr[-3000:])
        raise SystemExit(done.returncode)
    return done.stdout


def _told(cases: list[dict[str, Any]], folder: Path) -> int:
    red = [case for case in cases if case["status"] != "pass"]
    reasons = Counter(_reason(case, folder) for case in red)
    print(f"{len(cases) - len(red)} of {len(cases)} candidates are green in replay without an edit")
    for reason, count in reasons.most_common():
        print(f"  {count}: {reason}")
    for case in red:
        print(f"  {case['case_id']}: {_reason(case, folder)}")
    return 0 if all(_reason(case, folder) for case in red) else 1


def _reason(case: dict[str, Any], folder: Path) -> str:
    """Return why a candidate is red, in a sentence: what its file warns of, else what its checks say."""
    text = (folder / f"{case['case_id']}.yaml").read_text(encoding="utf-8")
    told = [line.lstrip("# -") for line in text.splitlines() if line.startswith("#   - ")]
    told += [
        line.removeprefix("# Beware: ") for line in text.splitlines() if line.startswith("# Beware: the agent reads")
    ]
    wrong = [each for each in case["verdicts"] if each["status"] not in {"pass", "skip"}]
    said = [f"{each['check']}: {each['reason']}" for each in wrong]
    return "; ".join([*told, *said])


if __name__ == "__main__":
    sys.exit(main())
