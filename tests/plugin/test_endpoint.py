"""Agents in processes of their own: the same Claude, the same oracle, over a loopback address."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.plugin.conftest import Project, Upstream

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "endpoint.md"
NOWHERE = "http://127.0.0.1:9"
KEY = "sk-ant-a-key-that-must-never-be-written-down"
ANSWER = "It was paid on Monday."

COURIERS = '''
"""Targets that let other processes do the work."""
import json
import subprocess
import sys
from pathlib import Path


def _run(*args):
    program = Path(__file__).with_name("program.py")
    done = subprocess.run([sys.executable, str(program), *args], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout.splitlines()[-1])


def sdk(inputs: dict) -> dict:
    return _run("sdk", inputs["question"])


def plain(inputs: dict) -> dict:
    return _run("plain", inputs["question"])


def liar(inputs: dict) -> dict:
    return _run("liar", inputs["question"])


def silent(inputs: dict) -> dict:
    return _run("silent", inputs["question"])
'''

PROGRAM = '''
"""A program that is no part of the session: all it knows is in its environment."""
import json
import os
import sys
import urllib.request

HOW, QUESTION = sys.argv[1:]
REQUEST = {
    "model": "claude-sonnet-5-5",
    "max_tokens": 64,
    "system": "Answer briefly.",
    "messages": [{"role": "user", "content": QUESTION}],
}


def sdk():
    import anthropic
    import mlflow

    mlflow.anthropic.autolog()
    return anthropic.Anthropic().messages.create(**REQUEST).content[0].text


def asked():
    """Ask as a program in another language would: with nothing but HTTP."""
    url = os.environ["ANTHROPIC_BASE_URL"] + "/v1/messages"
    headers = {
        "content-type": "application/json",
        "x-api-key": os.environ["ANTHROPIC_API_KEY"],
        "anthropic-version": "2023-06-01",
    }
    request = urllib.request.Request(url, json.dumps(REQUEST).encode(), headers)
    with urllib.request.urlopen(request) as response:
        return json.load(response)


def logged(extra):
    import mlflow

    with mlflow.start_span("ask", span_type="CHAT_MODEL") as span:
        answer = asked()
        used = answer["usage"]["input_tokens"] + extra, answer["usage"]["output_tokens"]
        span.set_inputs(REQUEST)
        span.set_outputs(answer)
        tokens = dict(zip(["input_tokens", "output_tokens", "total_tokens"], [*used, sum(used)]))
        span.set_attribute("mlflow.chat.tokenUsage", tokens)
    return answer["content"][0]["text"]


said = {
    "sdk": sdk,
    "plain": lambda: logged(0),
    "liar": lambda: logged(1),
    "silent": lambda: asked()["content"][0]["text"],
}
print(json.dumps({"answer": said[HOW](), "key": os.environ["ANTHROPIC_API_KEY"][:6]}))
'''

CASE = f"""
schema: 1
inputs: {{question: "Where is my refund?"}}
claude:
  - {{text: "{ANSWER}", usage: {{input_tokens: 50, output_tokens: 9}}}}
expect:
  output: {{answer: "{ANSWER}", key: "e2i-ev"}}
"""


@pytest.fixture
def couriers(project: Project) -> Project:
    """A project whose targets are other processes."""
    project.write("shop/couriers.py", COURIERS)
    project.write("shop/program.py", PROGRAM)
    for name in ("sdk", "plain", "liar", "silent"):
        project.add_target(name, case=CASE, entry=f"shop.couriers:{name}")
    return project


def test_another_process_is_judged_like_this_one(couriers: Project, upstream: Callable[..., Upstream]) -> None:
    """Mock with two workers, record, and replay with the server gone; what is logged wrongly or not at all fails."""
    (example,) = re.findall(r"^```python\n(.*?)^```$", PAGE.read_text(), flags=re.MULTILINE | re.DOTALL)
    couriers.write("evals/test_documented.py", example)
    mocked = couriers.run("--e2i-claude-endpoint", "-n", "2")
    wrong = {name: status for name, status in mocked.statuses.items() if status != "pass"}
    assert wrong == {"liar/one": "fail", "silent/one": "fail"}, mocked.screen
    assert "2 failed, 4 passed" in mocked.screen  # the others, the sample's own and the example of the documentation
    assert mocked.report["problems"] == []
    assert '"expected": "50", "actual": "51"' in mocked.reasons("liar/one")
    assert '"check": "logging", "status": "fail"' in mocked.reasons("silent/one")
    assert mocked.cases["plain/one"]["measurements"]["input_tokens"] == 50

    api = upstream(lambda _request: {"type": "text", "text": ANSWER}, key=KEY)
    live = {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": KEY}
    one = ("--e2i-claude-endpoint", "--e2i-target=plain")
    recorded = couriers.run("--e2i-claude=record", "--e2i-max-cost=1", *one, env=live)
    assert recorded.code == 0, recorded.screen
    replayed = couriers.run("--e2i-claude=replay", *one, env={"ANTHROPIC_BASE_URL": NOWHERE})
    assert replayed.code == 0, replayed.screen
    left = [path for path in couriers.folder.rglob("*") if path.is_file() and KEY.encode() in path.read_bytes()]
    assert left == []
