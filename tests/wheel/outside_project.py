"""Build the wheel, install it alone into an empty environment, and evaluate a project outside with it.

Run by ``make wheel``; nothing of the source tree can be imported there, so only what the wheel holds is proven.
"""

from __future__ import annotations

import html
import json
import re
import shutil
import subprocess
import sys
import tempfile
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "tests" / "samples" / "shop"
SAMPLE_NEEDS = "langchain-anthropic"
FAILED_TESTS = 1
ASSESSMENTS = """
import json, sys
from mlflow import MlflowClient

client = MlflowClient(f"sqlite:///{sys.argv[1]}")
experiments = [each.experiment_id for each in client.search_experiments()]
(trace,) = client.search_traces(locations=experiments)
given = [each for each in trace.info.assessments if each.feedback]
print(json.dumps({each.name: each.error.error_code if each.error else each.feedback.value for each in given}))
"""
"""What the store keeps of its only trace's assessments, asked by MLflow itself."""


def main() -> None:
    """Prove the wheel: a green run, then a broken expectation that is caught, and only our package inside."""
    with tempfile.TemporaryDirectory(prefix="e2i-eval-wheel-") as name:
        work = Path(name)
        wheel = build(work)
        python = environment(work, wheel)
        project = Path(shutil.copytree(SAMPLE, work / "shop"))
        print(evaluate(python, project, expected=0))
        case = project / "golden" / "cases" / "support" / "refund.yaml"
        case.write_text(case.read_text().replace('output: {answer: "It was paid on Monday."}', "output: {answer: No.}"))
        screen = evaluate(python, project, expected=FAILED_TESTS)
        require("refund.yaml:9" in screen, f"the failure does not name the line of the expectation:\n{screen}")
        judge(python, Path(shutil.copytree(SAMPLE, work / "judged")))
    print("the wheel works by itself")


def judge(python: Path, project: Path) -> None:
    """Prove custom checks: one passes, one fails and one breaks, and each is seen wherever a built-in one is."""
    with (project / "pyproject.toml").open("a") as file:
        file.write('checks = ["shop.checks:names_a_day", "shop.checks:says_sorry", "shop.checks:breaks"]\n')
    screen = evaluate(python, project, "--e2i-gate=pass_rate:>=1", expected=FAILED_TESTS)
    page = html.unescape((project / ".e2i" / "report.html").read_text())
    report = json.loads((project / ".e2i" / "report.json").read_text())
    broke = f"the check itself broke: KeyError: 'rating' ({project / 'shop' / 'checks.py'}:"
    for shown in (screen, page):
        for words in ("apologetic", "no word of regret", "the shop is not sorry", broke):
            require(words in shown, f"{words!r} is not shown:\n{screen}")
    require("names_a_day" in page, "the report does not show the check that passes")
    decision = f"{report['decisions']}"
    require("support/refund does not pass: apologetic, breaks" in decision, f"the gate does not say why: {decision}")
    kept = json.loads(run(str(python), "-c", ASSESSMENTS, str(project / ".e2i" / "mlflow" / "mlflow.db")))
    for name, value in {"names_a_day": True, "apologetic": False, "breaks": "CHECK_BROKE", "output": True}.items():
        require(kept.get(name) == value, f"the assessment {name} is not {value}: {kept}")


def build(work: Path) -> Path:
    """Return the wheel, built from the source tree without a network."""
    run(sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "--no-build-isolation", "-w", str(work), str(ROOT))
    wheel = next(work.glob("e2i_eval-*.whl"))
    listing = run(sys.executable, "-m", "zipfile", "-l", str(wheel))
    packages = set(re.findall(r"^([A-Za-z0-9_]+)/", listing, flags=re.MULTILINE))
    require(packages == {"e2i_eval"}, f"the wheel holds more than our package: {packages}")
    require("e2i_eval/dataset/case_file/case.schema.json" in listing, "the wheel lacks the schema of case files")
    return wheel


def environment(work: Path, wheel: Path) -> Path:
    """Return the interpreter of a new environment that has the wheel and what it declares, at the locked versions."""
    lock = (ROOT / "requirements.lock").read_text()
    pins = re.findall(r"^([\w.-]+==[^ \\\n]+(?: ; [^\\\n]*)?)", lock, flags=re.MULTILINE)
    constraints = work / "constraints.txt"
    constraints.write_text("".join(f"{pin.strip()}\n" for pin in pins))
    venv.create(work / "env", with_pip=True)
    python = work / "env" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(str(python), "-m", "pip", "install", "-q", "-c", str(constraints), str(wheel), SAMPLE_NEEDS)
    return python


def evaluate(python: Path, project: Path, *flags: str, expected: int) -> str:
    """Run ``pytest --e2i-eval`` in ``project`` and return the screen."""
    command = [str(python), "-m", "pytest", "--e2i-eval", "-p", "no:cacheprovider", *flags]
    done = subprocess.run(command, cwd=project, text=True, capture_output=True, check=False)
    require(done.returncode == expected, f"exit {done.returncode}, wanted {expected}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def run(*command: str) -> str:
    """Run ``command`` and return what it printed; end with its errors when it fails."""
    done = subprocess.run(command, text=True, capture_output=True, check=False)
    require(done.returncode == 0, f"{' '.join(command)}\n{done.stdout}\n{done.stderr}")
    return done.stdout


def require(holds: bool, message: str) -> None:  # noqa: FBT001  reads like assert, which -O would remove
    """End with ``message`` unless ``holds``."""
    if not holds:
        sys.exit(message)


if __name__ == "__main__":
    main()
