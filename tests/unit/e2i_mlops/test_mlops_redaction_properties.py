"""What redaction promises whatever the text around, the depth of encoding, or the shape of the value."""

from __future__ import annotations

import base64
import json
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from e2i.mlops.identifiers import is_npi
from e2i.mlops.redaction import REDACTED, redact

Finding = tuple[str, str]
"""A text as people or programs write it, and the part of it that must go."""

SYMBOLS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"


def digits(count: int) -> st.SearchStrategy[str]:
    """Return texts of so many digits."""
    return st.text("0123456789", min_size=count, max_size=count)


def token(low: int, high: int, *, extra: str = "") -> st.SearchStrategy[str]:
    """Return random texts as issuers of keys make them."""
    return st.text(SYMBOLS + extra, min_size=low, max_size=high)


def npi(first_nine: str) -> str:
    """Return nine digits with the right check digit behind them."""
    return next(f"{first_nine}{last}" for last in range(10) if is_npi(f"{first_nine}{last}"))


def dea(letters: str, six: str) -> str:
    """Return a DEA number with the right check digit."""
    odd, even = sum(map(int, six[0::2])), sum(map(int, six[1::2]))
    return f"{letters}{six}{(odd + 2 * even) % 10}"


def announced(labels: list[str], secrets: st.SearchStrategy[str]) -> st.SearchStrategy[Finding]:
    """Return secrets with one of the labels in front."""
    return st.tuples(st.sampled_from(labels), secrets).map(lambda pair: (pair[0] + pair[1], pair[1]))


def alone(secrets: st.SearchStrategy[str]) -> st.SearchStrategy[Finding]:
    """Return secrets without anything that names them."""
    return secrets.map(lambda secret: (secret, secret))


NPI = st.tuples(st.sampled_from("12"), digits(8)).map(lambda parts: npi("".join(parts)))
DOMAINS = st.sampled_from(["clinic.org", "a-b.co.uk"])
E_MAIL = st.tuples(
    token(1, 12), st.sampled_from(["", ".x", "+news", "_9"]), st.sampled_from(["clinic.org", "a-b.co.uk"])
)
MRN = st.tuples(st.sampled_from(["", "A", "A-", "MR"]), digits(7)).map("".join)
RECORD_LABELS = [
    "MRN: ",
    "mrn#",
    "MRN is ",
    "medical record no. ",
    "Medical Record Number: ",
    "patient id ",
    "patient_id=",
]
BIRTH_LABELS = ["DOB: ", "dob ", "date of birth is ", "born on ", "Date of Birth: "]
BIRTHDAYS = ["1961-03-14", "3/14/1961", "14.03.1961", "14 March 1961", "March 14, 1961"]
PASSWORD_LABELS = ["password=", "PWD=", "password: ", "api_key=", "client_secret: ", "AWS_SECRET_ACCESS_KEY="]
PEM = "-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----"

findings: st.SearchStrategy[Finding] = st.one_of(
    alone(NPI),
    announced(["NPI: ", "npi number is ", "NPI#", "prescriber NPI "], NPI),
    announced(RECORD_LABELS, MRN),
    announced(["SSN ", "ssn: "], digits(9)),
    alone(st.tuples(digits(3), digits(2), digits(4)).map("-".join)),
    alone(st.tuples(st.sampled_from(["AB", "MX", "F9"]), digits(6)).map(lambda parts: dea(*parts))),
    announced(BIRTH_LABELS, st.sampled_from(BIRTHDAYS)),
    alone(E_MAIL.map(lambda parts: f"{parts[0]}{parts[1]}@{parts[2]}")),
    alone(st.tuples(digits(3), digits(3), digits(4)).map("-".join)),
    alone(st.tuples(digits(3), digits(3), digits(4)).map(lambda parts: "({}) {}-{}".format(*parts))),
    alone(digits(4).map(lambda last: f"+1 212 736 {last}")),
    alone(digits(6).map(lambda last: f"+4420718{last[:5]}")),
    announced(["tel. ", "Phone: ", "mobile no "], digits(7).map(lambda rest: f"212{rest}")),
    alone(token(20, 40, extra="-_").map(lambda key: f"sk-ant-api03-{key}")),
    alone(st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", min_size=16, max_size=16).map(lambda key: f"AKIA{key}")),
    alone(token(36, 40).map(lambda key: f"ghp_{key}")),
    alone(token(12, 20).map(lambda key: f"eyJ{key}.eyJ{key}.{key}")),
    announced(
        ["Bearer ", "authorization: bearer ", "Authorization: Basic "], token(20, 30).map(lambda key: key + "7aB")
    ),
    announced(PASSWORD_LABELS, token(6, 20)),
    token(6, 12).map(lambda word: (f"postgresql://e2i:{word}@db:5432/mlflow", word)),
    st.binary(min_size=24, max_size=48).map(base64.b64encode).map(lambda key: (PEM.format(key.decode()), key.decode())),
)

around = st.text(max_size=30)
gaps = st.sampled_from([" ", "\n", " (", ', "', "; "])

ordinary = st.one_of(
    st.sampled_from(
        ["patient", "Bearer", "basic", "authorization", "call", "the token", "NPI", "medical records", "secret"]
    ),
    st.sampled_from(["prior authorization: 12 days", "basic understanding", "born in data", "patients: 1,204"]),
    st.integers(0, 10**9).map("{:,}".format),
    st.integers(0, 10**9 - 1).map("{} TRx".format),
    st.integers(3 * 10**9, 10**10 - 1).map(str),
    st.integers(10**10, 10**16).map("${} in all".format),
    st.floats(-1e9, 1e9, allow_nan=False).map("{:.6f}".format),
    st.floats(-1e3, 1e3, allow_nan=False).map("{:+.2f} [0.1, 0.2]".format),
    st.datetimes().map(lambda at: at.isoformat()),
    st.dates().map("{:%Y-%m-%d}".format),
    st.uuids().map(str),
    st.binary(min_size=16, max_size=16).map(lambda raw: f"tr-{raw.hex()}"),
    st.binary(min_size=6, max_size=20).map(bytes.hex).filter(lambda text: not text.isdigit()),
    token(24, 24).map("msg_01{}".format),
    st.tuples(*[st.integers(0, 99)] * 3).map(lambda parts: "v{}.{}.{}".format(*parts)),
    st.integers(0, 2**32 - 1).map("seed={}".format),
    st.integers(10**12, 2 * 10**12).map("at {} ms".format),
    st.lists(st.integers(0, 999), min_size=2, max_size=5).map(lambda row: " ".join(map(str, row))),
    st.sampled_from(["mlflow@3.17.2", "e2i/Kisqali/tier-2/gap_analyzer", "10-12-14", "https://host:5000/#/runs/12"]),
)
ordinary_texts = st.lists(ordinary, max_size=8).map(", ".join)

numbers = st.integers(-(10**12), 10**12) | st.floats(allow_nan=False, allow_infinity=False)
leaves = st.none() | st.booleans() | numbers | around | ordinary_texts | findings.map(lambda finding: finding[0])
keys = st.sampled_from(["question", "rows", "e2i.kpi", "input_tokens"]) | findings.map(lambda finding: finding[0])
values = st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3))


def shape(value: Any) -> Any:  # noqa: ANN401  any JSON
    """Return a value with its texts and names left out."""
    if isinstance(value, dict):
        return [shape(item) for item in value.values()]
    if isinstance(value, list):
        return [shape(item) for item in value]
    return "text" if isinstance(value, str) else value


@given(findings, around, around, gaps)
@settings(max_examples=300)
def test_a_finding_goes_whatever_is_around_it(finding: Finding, before: str, after: str, gap: str) -> None:
    """Neither what stands before nor what follows an identifier hides it."""
    text, secret = finding
    assume(secret not in before + after)

    assert secret not in str(redact(f"{before}{gap}{text}{gap}{after}"))


@given(findings, around, st.integers(1, 3), st.booleans())
@settings(max_examples=120)
def test_encoding_hides_nothing(finding: Finding, before: str, depth: int, is_ascii: bool) -> None:  # noqa: FBT001  # drawn
    """A text within JSON, within JSON, gets the verdict it gets at the top."""
    value: Any = {"question": f"{before} {finding[0]} ", "n": 1234567893}
    encoded: Any = value
    for _ in range(depth):
        encoded = json.dumps(encoded, ensure_ascii=is_ascii)
    clean: Any = redact({"arguments": encoded})
    decoded = clean["arguments"]
    for _ in range(depth):
        decoded = json.loads(decoded)

    assert decoded == redact(value)


@given(findings, st.integers(1, 4))
@settings(max_examples=120)
def test_a_broken_off_json_hides_nothing(finding: Finding, depth: int) -> None:
    """Escapes are seen through also where the text is not, or no longer, a document."""
    text, secret = finding
    assume(secret.isascii())
    encoded = json.dumps({"question": f"see {text} "})
    for _ in range(depth - 1):
        encoded = json.dumps(encoded)
    broken = encoded.rstrip('"}\\')
    spelled = broken.replace("@", "\\u0040")

    assert secret not in str(redact(broken))
    assert secret.replace("@", "\\u0040") not in str(redact(spelled))


@given(values)
@settings(max_examples=120)
def test_structure_and_numbers_stay(value: Any) -> None:  # noqa: ANN401  any JSON
    """Redaction maps JSON to JSON of the same shape, with the same numbers."""
    assert shape(redact(value)) == shape(value)


@given(values)
@settings(max_examples=120)
def test_redacting_twice_is_redacting_once(value: Any) -> None:  # noqa: ANN401  any JSON
    """What was taken out leaves nothing to find."""
    once = redact(value)

    assert redact(once) == once


@given(ordinary_texts)
@settings(max_examples=300)
def test_ordinary_texts_stay(text: str) -> None:
    """Counts, money, dates, ids, versions, seeds and the trade's words are none of our business."""
    assert redact(text) == text


@given(
    st.text(alphabet=st.characters(exclude_characters="@"), max_size=60).filter(
        lambda text: not any(map(str.isdigit, text))
    )
)
def test_a_text_of_words_stays(text: str) -> None:
    """Without a digit, an @ or the word for a credential there is nothing to find."""
    assume(
        not any(word in text.lower() for word in ("bearer", "basic", "://", "key", "pass", "pwd", "secret", "token"))
    )

    assert redact(text) == text


@given(st.dictionaries(findings.map(lambda finding: finding[0]), st.integers(), min_size=2, max_size=4))
def test_keys_that_look_alike_afterwards_stay_apart(value: dict[str, int]) -> None:
    """No entry is lost when the names of several are taken out."""
    clean: Any = redact(value)

    assert list(clean.values()) == list(value.values())
    assert all(REDACTED in name for name in clean)
