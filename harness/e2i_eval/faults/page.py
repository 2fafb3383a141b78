"""The catalogue as a page of the reference: ``python -m e2i_eval.faults.page > docs/reference/faults.md``."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from e2i_eval.faults.catalogue import FAULTS

if TYPE_CHECKING:
    from e2i_eval.faults.fault import Fault

__all__ = ["page"]

HEAD = """\
# Faults

A check that has never failed proves nothing.
`e2i-eval prove` therefore breaks your own targets in every way below, one at a time, and shows which check says so.
This page is written from the catalogue itself.

## What it does

```console
$ e2i-eval prove --list
$ e2i-eval prove
$ e2i-eval prove --target support --fault call-lost --repeat 3 --json proof.json
```

It takes the targets of `pyproject.toml` and their golden cases, mocks Claude by their scripts, and starts one
temporary server with a proxy before it.
For each fault it looks for a case that has what the fault needs (a tool call, a retrieval, a metric the contract asks
for), evaluates it unbroken, breaks it, evaluates it again, and once more unbroken.
Successive faults begin with successive targets, so that all of them are broken by some.

| place | how the fault is applied |
|---|---|
| log | what logging sends is changed on its way to the server: spans, tags, metrics, params, files |
| server | the server loses, delays or refuses what it was sent |
| agent | the target's graph, its chat models, or what it returns is changed |
| Claude | Claude answers something else |

| verdict | meaning |
|---|---|
| `caught` | a check named below failed, for the reason it was to fail for |
| `caught elsewhere` | only other checks failed: your run fails too, with a less telling reason |
| `survived` | nothing failed: your contract or your goldens have a hole |
| `not covered` | no case has what the fault needs; the reason is given, and nothing is known of this fault |

`baseline` stands for the comparison with an accepted run, `overhead` for the rule `overhead_ms:<50`.
An evaluation with nothing broken in which a check fails is a false alarm.

The exit code is 0 when at least one fault was applied, none survived and there was no false alarm; 1 otherwise.
Faults that are not covered do not change it, because a target without retrieval cannot lose one.

A few of these faults are applied by `evals/test_gate_sensitivity.py` in every evaluation of this repository; all of
them take two minutes and are a command of their own.

"""

SECTION = """\
## {title}

| fault | what goes wrong | caught by | stands for |
|---|---|---|---|
{rows}
"""


def page() -> str:
    """Return the page as Markdown."""
    kinds = dict.fromkeys(fault.kind for fault in FAULTS)
    return HEAD + "\n".join(_section(kind, [fault for fault in FAULTS if fault.kind == kind]) for kind in kinds)


def _section(kind: str, faults: list[Fault]) -> str:
    return SECTION.format(title=kind.capitalize(), rows="\n".join(map(_row, faults)))


def _row(fault: Fault) -> str:
    checks = " or ".join(f"`{check}`" for check in fault.checks)
    return f"| `{fault.name}` ({fault.place}) | {fault.summary} | {checks} | {fault.source} |"


if __name__ == "__main__":
    sys.stdout.write(page())
