"""The comparison of strategies: its figures, its intervals, and the command that prints them."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx2
import numpy as np
import pytest

from e2i.compare_retrieval import main
from e2i.rag.bootstrap import draws, estimate
from e2i.rag.comparison import REFERENCE, RetrievalComparison, compared
from e2i.rag.comparison_text import comparison_text
from e2i.rag.labels import Label, load_labels
from e2i.rag.trial import Configuration, Floor, configurations

if TYPE_CHECKING:
    from e2i.rag.comparison import Difference, Row
    from e2i.rag.index import Index

MECHANISM = Label(
    id="mechanism",
    split="test",
    brand="Fabhalta",
    question="Which complement protein does iptacopan bind?",
    relevant=("fab-mechanism",),
)
FOREIGN = Label(id="foreign", split="test", question="Who won the football world cup in 1998?", relevant=())


def rows(comparison: RetrievalComparison, split: str = "test") -> dict[str, Row]:
    """Return the rows of one split by the configuration's name."""
    (result,) = [one for one in comparison.splits if one.split == split]
    return {row.configuration.name: row for row in result.rows}


def differences(comparison: RetrievalComparison, split: str = "test") -> dict[str, Difference]:
    """Return the differences of one split by the configuration's name."""
    (result,) = [one for one in comparison.splits if one.split == split]
    return {one.configuration.name: one for one in result.differences}


# the whole, on the real questions


@pytest.fixture(scope="module", params=["on", "off"])
def whole(index: Index, request: pytest.FixtureRequest) -> RetrievalComparison:
    """All strategies without Claude on all questions, with the floor and without."""
    floor: Floor = request.param
    return compared(index, load_labels(known=index.ids), configurations(["none", "local"]), floor=floor)


def test_hybrid_is_the_best_strategy(whole: RetrievalComparison) -> None:
    """On the questions nobody looked at: with the floor and also without, so the ranking itself is better."""
    found = rows(whole)
    hybrid = found["hybrid/none"].metrics

    for other in (found["sparse/none"].metrics, found["dense/none"].metrics):
        assert all(hybrid[name].mean >= other[name].mean for name in hybrid)
    assert hybrid["recall_at_5"].mean > 0.8
    assert hybrid["ndcg_at_10"].mean > 0.72
    assert found["hybrid/local"].metrics["ndcg_at_10"].mean > hybrid["ndcg_at_10"].mean - 0.06


def test_the_floor_tells_foreign_questions(whole: RetrievalComparison) -> None:
    """It keeps nearly all that can be answered and turns away most of what cannot; without it nothing is."""
    hybrid = rows(whole)["hybrid/none"]
    rejected = hybrid.foreign_rejected

    assert hybrid.accepted > 0.95
    assert rejected is not None
    assert rejected >= 0.8 if whole.floor == "on" else rejected == 0.0


def test_splits_are_kept_apart(whole: RetrievalComparison, index: Index) -> None:
    """Each question is in the results of its own split and in no other."""
    labels = load_labels(known=index.ids)

    for result in whole.splits:
        asked = {outcome.question for outcome in result.rows[0].outcomes}
        assert asked == {label.id for label in labels if label.split == result.split}


def test_a_difference_is_that_of_the_means(whole: RetrievalComparison) -> None:
    """And its interval is wider than an interval that stands alone would be."""
    found, reference = rows(whole), rows(whole)[REFERENCE.name]
    for name, difference in differences(whole).items():
        for metric, gain in difference.metrics.items():
            mean = found[name].metrics[metric].mean - reference.metrics[metric].mean
            assert gain.mean == pytest.approx(mean, abs=1e-5)
            assert gain.low <= gain.mean <= gain.high


def test_the_text_says_that_the_default_is_not_the_best(whole: RetrievalComparison) -> None:
    """The local rerank costs a little, and the output says so for each split it is true of."""
    text = comparison_text(whole)

    for split in ("tune", "test"):
        gain = differences(whole, split)["hybrid/local"].metrics["ndcg_at_10"].mean
        said = f"{split}: hybrid/local, the pipeline's default, ranks below hybrid/none by {-gain:.3f} nDCG@10"
        assert (said in text) == (gain < 0)


def test_the_design_page_shows_what_is_measured(whole: RetrievalComparison) -> None:
    """Every line of its table stands in the comparison of the test questions."""
    page = Path(__file__).parents[3] / "docs" / "design" / "rag.md"
    (shown,) = re.findall(r"^```text\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    measured = comparison_text(whole).partition("test questions")[2].splitlines()

    if whole.floor == "on":
        for line in shown.splitlines():
            assert any(" ".join(one.split()).startswith(" ".join(line.split())) for one in measured), line


# intervals


def test_an_interval_covers_as_often_as_it_says() -> None:
    """Of 200 samples of 40 questions with a known mean, about 95 % have it in their interval."""
    rng = np.random.default_rng(7)
    drawn = draws(40)[:1000]

    estimates = [estimate(rng.beta(2, 1, 40).tolist(), drawn) for _ in range(200)]
    covered = sum(one.low <= 2 / 3 <= one.high for one in estimates)

    assert 178 <= covered <= 198


def test_intervals_are_the_same_every_time() -> None:
    """The resamples are seeded."""
    values = np.random.default_rng(3).random(30).tolist()

    assert estimate(values, draws(30)) == estimate(values, draws(30))


def test_a_wider_level_gives_a_wider_interval() -> None:
    """That is what many comparisons cost."""
    values = [0.0, 1.0, 0.5, 0.25, 0.75]
    alone, together = estimate(values, draws(5)), estimate(values, draws(5), level=0.99)

    assert together.low < alone.low < alone.mean < alone.high < together.high


# Claude


class RerankingClaude:
    """Puts the last candidate first, or answers without a ranking."""

    def __init__(self) -> None:
        self.prompts: list[str] = []
        self.is_helpful = True

    def handle(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request."""
        body = json.loads(request.read())
        self.prompts.append(body["messages"][0]["content"])
        keys = [part.split('"')[0] for part in self.prompts[-1].split('<passage key="')[1:]]
        ranking = {"type": "tool_use", "id": "toolu_1", "name": "Ranking", "input": {"order": keys[-1:]}}
        message = {
            "id": "msg_1",
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": [ranking if self.is_helpful else {"type": "text", "text": "no idea"}],
            "stop_reason": "tool_use" if self.is_helpful else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": 10, "output_tokens": 5},
        }
        return httpx2.Response(200, json=message, request=request)


@pytest.fixture
def reranking(monkeypatch: pytest.MonkeyPatch) -> RerankingClaude:
    """A Claude in the place of the network."""
    fake = RerankingClaude()
    monkeypatch.setenv("ANTHROPIC_API_KEY", "dummy")
    monkeypatch.setattr(httpx2.HTTPTransport, "handle_request", lambda _transport, request: fake.handle(request))
    return fake


BY_CLAUDE = Configuration(strategy="hybrid", rerank="claude")


def test_claude_is_measured_as_it_ranks(index: Index, reranking: RerankingClaude) -> None:
    """One request a question that found something, and a bad order is a bad figure."""
    comparison = compared(index, [MECHANISM, FOREIGN], [REFERENCE, BY_CLAUDE])

    assert len(reranking.prompts) == 1
    assert rows(comparison)["hybrid/none"].metrics["mrr"].mean == 1.0
    assert rows(comparison)["hybrid/claude"].metrics["mrr"].mean == 0.5
    assert rows(comparison)["hybrid/claude"].rerank_failures == 0
    assert differences(comparison)["hybrid/claude"].metrics["mrr"].mean == -0.5


def test_a_claude_of_no_help_is_counted(index: Index, reranking: RerankingClaude) -> None:
    """The retriever's order is then what was measured, and the text says so."""
    reranking.is_helpful = False

    comparison = compared(index, [MECHANISM, FOREIGN], [REFERENCE, BY_CLAUDE])

    assert rows(comparison)["hybrid/claude"].rerank_failures == 1
    assert "hybrid/claude: Claude was of no help for 1 of 2 questions" in comparison_text(comparison)


# the command


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A corpus of two passages with one question, as the command's arguments; no key, no server."""
    for name in ("ANTHROPIC_API_KEY", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("E2I_CACHE_DIR", str(tmp_path / "cache"))
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    passages = [
        {"id": "sky", "title": "Sky", "text": "The sky is blue."},
        {"id": "sea", "title": "Sea", "text": "Salt."},
    ]
    document = {"document": "nature", "kind": "method", "brand": None, "passages": passages}
    (corpus / "nature.yaml").write_text(json.dumps(document))
    question = {"id": "colour", "split": "test", "question": "Is the sky blue?", "relevant": ["sky"]}
    (tmp_path / "labels.yaml").write_text(json.dumps({"questions": [question]}))
    return ["--corpus", str(corpus), "--labels", str(tmp_path / "labels.yaml")]


def test_another_collection_can_be_measured(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """In the same two formats; six configurations, and the split that has no question is left out."""
    assert main(small) == 0
    printed = capsys.readouterr().out

    assert "test questions, not looked at when anything was set: 1 answerable, 0 foreign" in printed
    assert "development" not in printed
    assert "--claude asks Claude up to 3 times" in printed


def test_without_a_key_it_says_so(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """The rest is measured all the same."""
    assert main([*small, "--claude"]) == 0
    printed = capsys.readouterr().out

    assert "Claude's rerank was not measured: ANTHROPIC_API_KEY is not set." in printed
    assert "hybrid/claude" not in printed


@pytest.mark.usefixtures("reranking")
def test_with_a_key_claude_is_in_the_table(
    small: list[str], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """With every strategy."""
    monkeypatch.setenv("ANTHROPIC_API_KEY", "dummy")

    assert main([*small, "--claude"]) == 0
    printed = capsys.readouterr().out

    assert all(f"{strategy}/claude" in printed for strategy in ("sparse", "dense", "hybrid"))


def test_json_holds_what_was_found(small: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Every question of every configuration, with the settings that reproduce the intervals."""
    assert main([*small, "--json"]) == 0
    printed: dict[str, Any] = json.loads(capsys.readouterr().out)

    assert (printed["schema"], printed["reference"], printed["resamples"]) == (1, "hybrid/none", 10_000)
    (result,) = printed["splits"]
    assert len(result["rows"]) == 6
    assert result["rows"][0]["outcomes"][0]["ids"][0] == "sky"


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--labels", "missing.yaml"], "missing.yaml"),
        (["--corpus", "missing"], "no passages"),
        (["--mlflow"], "MLFLOW_TRACKING_URI is not set; set it to a tracking server"),
    ],
)
def test_what_cannot_be_done_is_told(
    small: list[str], arguments: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a sentence, with exit code 2."""
    assert main([*small, *arguments]) == 2
    assert told in capsys.readouterr().err


def test_a_comparison_alone_loads_no_logging() -> None:
    """The recorder is imported when it is asked for."""
    program = (
        "import sys, e2i.compare_retrieval as _;"
        "print([name for name in sys.modules if 'mlops' in name or name == 'mlflow'])"
    )
    done = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == "[]"
