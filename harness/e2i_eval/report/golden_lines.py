"""Changes of golden files in words and diffs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from e2i_eval.dataset.update.change import ChangeKind
    from e2i_eval.dataset.update.plan import FilePlan
    from e2i_eval.dataset.update.proposal import Remark

__all__ = ["change_lines", "changes", "files", "remark_lines", "would_change"]


def files(count: int) -> str:
    """Return how many files."""
    return f"{count} golden file{'' if count == 1 else 's'}"


def changes(count: int) -> str:
    """Return how many changes."""
    return f"{count} change{'' if count == 1 else 's'}"


def change_lines(plan: FilePlan) -> Iterator[str]:
    """Yield why a file changes, each reason once, and how."""
    reasons = dict.fromkeys(change.reason for change in plan.changes)
    yield f"{plan.file}: {'; '.join(reasons) or plan.reason}"
    if plan.after is None:
        yield f"- the file with its {len(plan.before.splitlines())} lines"
        return
    yield from plan.diff()


def would_change(plans: Sequence[FilePlan]) -> Iterator[str]:
    """Yield how much would change, and which word does it."""
    if not plans:
        yield "golden: nothing would change"
        return
    counts: dict[ChangeKind, set[str]] = {"create": set(), "fix": set(), "trim": set()}
    for plan in plans:
        for kind in {change.kind for change in plan.changes} or {"trim"}:
            counts[kind].add(plan.file)
    yield f"golden: {files(len(plans))} would change; nothing was written"
    for kind, named in counts.items():
        if named:
            yield f"  {files(len(named))}: pytest --e2i-eval --e2i-golden={kind}"


def remark_lines(remarks: Sequence[Remark]) -> Iterator[str]:
    """Yield what is left to a person, by place."""
    for remark in sorted(remarks, key=lambda each: each.where):
        yield f"  {remark.where}: {remark.text}"
