"""Build the wheel, install it alone into an empty environment, and evaluate a project outside with it.

Run by ``make wheel``; nothing of the source tree can be imported there, so only what the wheel holds is proven.
"""

from __future__ import annotations

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
    print("the wheel works by itself")


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


def evaluate(python: Path, project: Path, *, expected: int) -> str:
    """Run ``pytest --e2i-eval`` in ``project`` and return the screen."""
    command = [str(python), "-m", "pytest", "--e2i-eval", "-p", "no:cacheprovider"]
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
