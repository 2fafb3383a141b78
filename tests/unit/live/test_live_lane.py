"""The lane: when the next request may go, after what the API said."""

from __future__ import annotations

import pytest

from e2i_eval.claude.rate_bucket import MAX_LIMIT, MAX_PAUSE_S, START_LIMIT, RateBucket, Reply, reply_of
from e2i_eval.core.json_codec import from_json, to_json

NOW_S = 1_700_000_000.0  # 2023-11-14 22:13:20 UTC
DATE = "Tue, 14 Nov 2023 22:13:20 GMT"


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (200, {}, Reply(is_ok=True)),
        (429, {"retry-after": "7"}, Reply(is_refused=True, pause_s=7.0)),
        (429, {"retry-after": "7", "retry-after-ms": "250"}, Reply(is_refused=True, pause_s=0.25)),
        (429, {"retry-after": "Tue, 14 Nov 2023 22:13:29 GMT"}, Reply(is_refused=True, pause_s=9.0)),
        (429, {"retry-after": "soon"}, Reply(is_refused=True)),
        (429, {"retry-after": "nan"}, Reply(is_refused=True)),
        (529, {}, Reply(is_refused=True)),
        (500, {"retry-after": "2"}, Reply(pause_s=2.0)),
        (200, {"retry-after": "2"}, Reply(is_ok=True)),
        (
            200,
            {
                "anthropic-ratelimit-requests-remaining": "0",
                "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:24Z",
            },
            Reply(is_ok=True, pause_s=4.0),
        ),
        (
            200,
            {
                "anthropic-ratelimit-requests-remaining": "1",
                "anthropic-ratelimit-requests-reset": "2023-11-14T22:13:24Z",
            },
            Reply(is_ok=True),
        ),
        (200, {"anthropic-ratelimit-output-tokens-remaining": "0"}, Reply(is_ok=True)),
    ],
)
def test_a_response_says_how_long_to_pause(status: int, headers: dict[str, str], expected: Reply) -> None:
    """Refusals, the wait the API asks for, and limits that are used up."""
    assert reply_of(status, headers, now_s=NOW_S) == expected


def test_a_reset_is_read_by_the_servers_clock() -> None:
    """A machine whose clock is wrong waits as long as one whose clock is right."""
    headers = {
        "date": DATE,
        "anthropic-ratelimit-tokens-remaining": "0",
        "anthropic-ratelimit-tokens-reset": "2023-11-14T22:13:30Z",
    }

    assert reply_of(200, headers, now_s=NOW_S + 3_600).pause_s == 10.0


def test_a_pause_is_kept_by_all_and_never_shortened() -> None:
    """The longer of two pauses counts, up to what anybody should wait."""
    bucket = RateBucket().heard(Reply(pause_s=9.0), sent_at_s=0.0, now_s=100.0)
    bucket = bucket.heard(Reply(pause_s=1.0), sent_at_s=0.0, now_s=101.0)

    assert bucket.is_paused(108.9)
    assert not bucket.is_paused(109.0)
    assert RateBucket().heard(Reply(pause_s=1e9), sent_at_s=0.0, now_s=0.0).paused_until_s == MAX_PAUSE_S


def test_a_burst_of_refusals_cuts_the_limit_once() -> None:
    """What was sent before the cut says nothing about it; what was sent after it does."""
    bucket = RateBucket(limit=16.0)
    for now_s in (10.0, 10.1, 10.2):
        bucket = bucket.heard(Reply(is_refused=True), sent_at_s=9.0, now_s=now_s)
    assert bucket.limit == 8.0

    bucket = bucket.heard(Reply(is_refused=True), sent_at_s=11.0, now_s=12.0)

    assert bucket.limit == 4.0


def test_the_limit_never_falls_below_one_request() -> None:
    """However often the API refuses, somebody may ask again."""
    bucket = RateBucket()
    for now_s in range(1, 20):
        bucket = bucket.heard(Reply(is_refused=True), sent_at_s=now_s, now_s=now_s)

    assert bucket.limit == 1.0
    assert not bucket.is_full
    assert bucket.entered("a", 1).is_full


def test_the_limit_grows_by_one_when_all_of_it_was_answered() -> None:
    """Additive increase, and only while the lane is used."""
    full = RateBucket(under_way={str(number): 1 for number in range(int(START_LIMIT))})
    for _ in range(int(START_LIMIT)):
        full = full.heard(Reply(is_ok=True), sent_at_s=0.0, now_s=1.0)
    idle = RateBucket(under_way={"a": 1}).heard(Reply(is_ok=True), sent_at_s=0.0, now_s=1.0)

    assert START_LIMIT + 0.8 < full.limit <= START_LIMIT + 1
    assert idle.limit == START_LIMIT
    most = RateBucket(limit=MAX_LIMIT, under_way={str(number): 1 for number in range(64)})
    assert most.heard(Reply(is_ok=True), sent_at_s=0.0, now_s=1.0).limit == MAX_LIMIT


def test_what_a_dead_process_had_under_way_is_dropped() -> None:
    """A worker that was killed holds nobody up."""
    bucket = RateBucket().entered("a", 1).entered("b", 2).left("b").entered("c", 3)

    assert bucket.without_dead(lambda process: process == 3).under_way == {"c": 3}


def test_a_lane_crosses_processes() -> None:
    """As plain JSON, without loss."""
    bucket = RateBucket(limit=2.5, paused_until_s=3.0, cut_at_s=1.0).entered("a", 7)

    assert from_json(RateBucket, to_json(bucket)) == bucket
