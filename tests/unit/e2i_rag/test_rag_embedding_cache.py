"""The cache saves work, survives every kind of damage, and is never needed."""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from e2i.rag import embedding_cache
from e2i.rag.embedding_cache import cache_folder, cached_vectors
from e2i.rag.encoder import DIMENSIONS, Matrix

if TYPE_CHECKING:
    from collections.abc import Sequence


class CountingEncode:
    """Encodes by hash, and counts the texts it was asked for."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def __call__(self, texts: Sequence[str]) -> Matrix:
        """Return one unit vector a text."""
        self.texts += texts
        seeds = [int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big") for text in texts]
        rows = np.stack([np.random.default_rng(seed).normal(size=DIMENSIONS) for seed in seeds])
        unit: Matrix = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
        return unit


@pytest.fixture
def encode() -> CountingEncode:
    """A cheap stand-in for the encoder."""
    return CountingEncode()


def cache_file(folder: Path) -> Path:
    """Return the only cache file in ``folder``."""
    (path,) = folder.glob("*.npz")
    return path


def test_a_text_is_encoded_once(tmp_path: Path, encode: CountingEncode) -> None:
    """The second process reads what the first wrote, and gets the same vectors."""
    first = cached_vectors(["a", "b"], encode, tmp_path)

    second = cached_vectors(["b", "a"], encode, tmp_path)

    assert encode.texts == ["a", "b"]
    assert np.array_equal(first, second[::-1])


def test_only_new_texts_are_encoded(tmp_path: Path, encode: CountingEncode) -> None:
    """An edited passage costs one encoding and not a whole corpus."""
    cached_vectors(["a", "b"], encode, tmp_path)
    encode.texts.clear()

    cached_vectors(["a", "changed", "changed"], encode, tmp_path)

    assert encode.texts == ["changed"]


def test_no_partial_file_is_left(tmp_path: Path, encode: CountingEncode) -> None:
    """Only the cache file and its lock remain."""
    cached_vectors(["a"], encode, tmp_path)

    assert {path.suffix for path in tmp_path.iterdir()} <= {".npz", ".lock"}


@pytest.mark.parametrize(
    "damage", ["truncated", "garbage", "empty", "flipped byte", "bare array", "wrong shape", "not unit vectors"]
)
def test_a_damaged_cache_is_rebuilt(
    tmp_path: Path, encode: CountingEncode, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever the damage, the vectors are right, a warning is given, and the file is sound again."""
    sound = cached_vectors(["a", "b"], encode, tmp_path)
    harm(cache_file(tmp_path), damage)
    encode.texts.clear()

    with caplog.at_level(logging.WARNING):
        healed = cached_vectors(["a", "b"], encode, tmp_path)

    assert encode.texts == ["a", "b"]
    assert "is damaged and will be rebuilt" in caplog.text
    assert np.array_equal(sound, healed)
    assert np.array_equal(cached_vectors(["a", "b"], encode, tmp_path), sound)
    assert encode.texts == ["a", "b"]


def harm(path: Path, damage: str) -> None:
    """Break the cache file."""
    raw = path.read_bytes()
    broken = {
        "truncated": raw[: len(raw) // 2],
        "garbage": b"no archive at all",
        "empty": b"",
        "flipped byte": raw[: len(raw) // 2] + bytes([raw[len(raw) // 2] ^ 1]) + raw[len(raw) // 2 + 1 :],
    }
    if damage == "bare array":
        with path.open("wb") as file:
            np.save(file, np.ones(3))
        return
    if damage in broken:
        path.write_bytes(broken[damage])
        return
    with np.load(path) as stored:
        keys, vectors = stored["keys"], stored["vectors"]
    np.savez(path, keys=keys, vectors=vectors[:, :3] if damage == "wrong shape" else vectors * 2)


def test_an_unusable_folder_costs_time_only(
    tmp_path: Path, encode: CountingEncode, caplog: pytest.LogCaptureFixture
) -> None:
    """A folder that cannot be made is a warning."""
    blocked = tmp_path / "file"
    blocked.write_text("in the way")

    vectors = cached_vectors(["a"], encode, blocked / "cache")

    assert vectors.shape == (1, DIMENSIONS)
    assert "cannot be used, encoding without it" in caplog.text


def test_the_file_does_not_grow_without_bound(
    tmp_path: Path, encode: CountingEncode, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The oldest rows go first, those in use stay."""
    monkeypatch.setattr(embedding_cache, "MAX_ROWS", 3)
    cached_vectors(["a", "b"], encode, tmp_path)
    cached_vectors(["c", "b", "d"], encode, tmp_path)
    encode.texts.clear()

    cached_vectors(["b", "c", "d", "a"], encode, tmp_path)

    assert encode.texts == ["a"]


def test_callers_that_start_together_encode_once(tmp_path: Path, encode: CountingEncode) -> None:
    """The others wait for the first."""
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda _: cached_vectors(["a", "b"], encode, tmp_path), range(4)))

    assert sorted(encode.texts) == ["a", "b"]
    assert all(np.array_equal(result, results[0]) for result in results)


def test_the_variable_names_the_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """``E2I_CACHE_DIR`` wins over the user's cache folder."""
    monkeypatch.setenv("E2I_CACHE_DIR", str(tmp_path))

    assert cache_folder() == tmp_path


@pytest.mark.parametrize(
    ("platform", "tail"),
    [
        ("linux", Path("xdg", "e2i")),
        ("darwin", Path("home", "Library", "Caches", "e2i")),
        ("win32", Path("local", "e2i", "Cache")),
    ],
)
def test_the_default_is_the_platforms_own(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, platform: str, tail: Path
) -> None:
    """Each system has its place for caches."""
    monkeypatch.delenv("E2I_CACHE_DIR", raising=False)
    monkeypatch.setattr("sys.platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))

    assert cache_folder() == tmp_path / tail
