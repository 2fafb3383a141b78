"""What is decided on the caller's thread: what a call without prompts tells, and what may lie in the spool."""

from __future__ import annotations

import orjson
import pytest

from e2i.data import KPIS as DATA_KPIS
from e2i.mlops.redaction_policy import KPIS, permitted_opening, permitted_run, permitted_word
from e2i.mlops.spooled_line import spoolable

CLEAN = orjson.dumps({"trace_id": "ab" * 16, "numbers": {"ate": 1.5}, "events": [["start", 1, "why did TRx fall?"]]})


def test_the_platforms_kpis_are_known() -> None:
    """The names are written twice, because the data would bring pandas; they are the same."""
    assert KPIS == DATA_KPIS


def test_names_that_code_gives_are_told() -> None:
    """Nodes, steps and LangGraph's own tags pass."""
    metadata = {
        "langgraph_node": "retrieve",
        "langgraph_step": 2,
        "langgraph_path": ("__pregel_pull", "retrieve"),
        "langgraph_checkpoint_ns": "retrieve:6e7da262-2278-1cdc-45bb-dc6ffd4715ca",
        "role": "retriever",
    }
    told = permitted_run("RunnableParallel<a,b>", ["graph:step:2", "seq:step:1", "langsmith:hidden"], metadata)

    assert told == (
        "RunnableParallel<a,b>",
        ["graph:step:2", "seq:step:1", "langsmith:hidden"],
        {**metadata, "langgraph_path": ["__pregel_pull", "retrieve"]},
    )


def test_words_that_people_write_are_not() -> None:
    """A sentence in a name, a tag or metadata is withheld, and metadata of the caller's own is left out."""
    told = permitted_run("why did TRx fall?", ["why?", "graph:step:why did it"], {"role": "why did it", "note": "why"})

    assert told == ("withheld", [], {"role": "withheld"})


@pytest.mark.parametrize(
    ("given", "brand", "kpi"),
    [
        ("kisqali", "kisqali", "other-kpi"),
        ("TRX", "other-brand", "TRX"),
        ("hunter2", "other-brand", "other-kpi"),
        ("", "", ""),
    ],
)
def test_only_known_brands_and_kpis_are_told(given: str, brand: str, kpi: str) -> None:
    """An input may be anything, the secret itself included."""
    opening = {"tags": {"brand": given, "kpi": given}, "labels": {"session": None, "user": None, "tags": {}}}

    assert permitted_opening(opening)["tags"] == {"brand": brand, "kpi": kpi}


def test_ids_keep_their_grouping() -> None:
    """An id is told; what is no id becomes a digest, the same for the same."""
    labels = {
        "session": "thread-7",
        "user": "jo@clinic.org",
        "tags": {"mlflow.test.name": "golden/cases/rag/a.yaml::rag/a", "e2i.note": "my own words", "e2i.my words": "x"},
    }
    once, again = (permitted_opening({"tags": {"brand": "", "kpi": ""}, "labels": labels})["labels"] for _ in range(2))

    assert once == again
    assert once == {
        "session": "thread-7",
        "user": "sha256:fbd586537832",
        "tags": {"mlflow.test.name": "golden/cases/rag/a.yaml::rag/a", "e2i.note": "withheld"},
    }


@pytest.mark.parametrize(("word", "told"), [("computed", "computed"), ("Computed by Jo", ""), ("", "")])
def test_a_fixed_vocabulary_is_told(word: str, told: str) -> None:
    """Where an answer came from is one plain word."""
    assert permitted_word(word) == told


def test_a_clean_record_is_spooled_as_it_is() -> None:
    """The usual call costs a search, and not a copy."""
    assert spoolable(CLEAN) is CLEAN


@pytest.mark.parametrize(
    "secret",
    ["sk-ant-api03-abcdefgh", "AKIAIOSFODNN7EXAMPLE", f"ghp_{'a1' * 18}", "Bearer abcdef123456", "password=hunter2"],
)
def test_a_record_with_a_credential_is_redacted_first(secret: str) -> None:
    """The record stays a record, with its id and numbers, and without the credential."""
    record = orjson.loads(CLEAN) | {"inputs": {"question": f'he said "{secret}" and jo@clinic.org'}}
    line = spoolable(orjson.dumps(record))
    kept = orjson.loads(line)

    assert secret.encode() not in line
    assert b"jo@clinic.org" not in line
    assert (kept["trace_id"], kept["numbers"], kept["events"]) == (
        record["trace_id"],
        record["numbers"],
        record["events"],
    )
