"""Significance: whether cases that Claude answers freely moved by more than chance.

The unit is the case where one target is judged, and the target where several are: cases of one target succeed and fail
together (Miller, "Adding Error Bars to Evals", arXiv 2411.00640, 2024). A test is decided at the level ``ALPHA``,
corrected for all tests made together (Holm 1979), and left open between it and ``OPEN_LEVEL``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from e2i_eval.core.stats.power import detectable_drop

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from e2i_eval.core.stats.paired import Alternative

__all__ = ["OPEN_LEVEL", "detectable_text", "discordance", "p_value", "smallest_p"]

OPEN_LEVEL = 0.10
"""Significance level, one-sided: from ``ALPHA`` up to here a change is neither shown nor ruled out, and above it is
taken for chance. The usual .10 of a first look: ten times ``ALPHA``, so one unchanged comparison in ten asks for more
cases, and a real loss is not waved through because the cases were few."""

USUAL_DISCORDANCE = 0.1
"""Share of cases with another verdict that is assumed for the smallest detectable drop when fewer were seen."""


def p_value(changes: Mapping[str, Sequence[float]], *, alternative: Alternative) -> float:
    """Return how likely such changes are if nothing changed; 1 where no case was compared.

    One target: McNemar's exact test where each case simply broke, was fixed, or neither, else the sign-flip permutation
    over its cases. Several: the sign-flip permutation clustered by target.

    Args:
        changes: of each case, by target; 0 for none.
        alternative: which change is looked for.
    """
    from e2i_eval.core.stats.paired import mcnemar, sign_flip  # noqa: PLC0415  NumPy is heavy

    moved = {target: values for target, values in changes.items() if values}
    if len(moved) != 1:
        return sign_flip(moved, alternative=alternative) if moved else 1.0
    (values,) = moved.values()
    if all(abs(each) in {0.0, 1.0} for each in values):
        down, up = sum(each < 0 for each in values), sum(each > 0 for each in values)
        return mcnemar(down, up, alternative=alternative)
    return sign_flip({str(place): [each] for place, each in enumerate(values)}, alternative=alternative)


def smallest_p(can_worsen: Mapping[str, Sequence[bool]]) -> float:
    """Return the p-value of the worst outcome there could be.

    Args:
        can_worsen: of each case whether it can be worse at all, by target; one that fails already cannot.
    """
    if len(can_worsen) == 1:
        return float(0.5 ** sum(next(iter(can_worsen.values()))))
    return float(0.5 ** sum(any(each) for each in can_worsen.values()))


def discordance(changed: Collection[bool]) -> float:
    """Return the share of cases that changed, at least the usual one."""
    return max(sum(changed) / len(changed), USUAL_DISCORDANCE)


def detectable_text(changed: Collection[bool]) -> str:
    """Say which drop of the pass rate could have been seen, given for each case whether it changed."""
    drop = detectable_drop(len(changed), discordance(changed))
    if drop is None:
        return f"{len(changed)} cases see no drop of the usual size"
    return f"a drop of {drop * 100:.0f} points over {len(changed)} cases, four times in five"
