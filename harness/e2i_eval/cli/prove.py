"""``e2i-eval prove``: breaks logging, agents and the server in every known way, and shows what the checks catch."""

from __future__ import annotations

import json
import sys
import tempfile
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from e2i_eval.cli.command import Command

if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping, Sequence

    from e2i_eval.core.case import Case
    from e2i_eval.faults.proof import InjectionResult, Prover
    from e2i_eval.runner.config.settings import Settings

__all__ = ["PROVE"]

SERVER_START_TIMEOUT_S = 60.0
PROVED, NOT_PROVED = 0, 1


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--target", action="append", default=[], metavar="NAME", help="break only this target; may be given again"
    )
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME", help="apply only this fault; may be given again"
    )
    parser.add_argument("--repeat", type=int, default=1, metavar="N", help="apply each fault N times (default 1)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all trials and controls to this file")
    parser.add_argument("--list", action="store_true", help="list the faults and end")


def _run(arguments: argparse.Namespace) -> int:
    from e2i_eval.cli.result_file import result_file  # noqa: PLC0415  not needed for --help
    from e2i_eval.core.errors import UsageError  # noqa: PLC0415  not needed for --help
    from e2i_eval.faults import choose  # noqa: PLC0415  not needed for --help
    from e2i_eval.runner.evaluation import refuse_wrong_code  # noqa: PLC0415  not needed for --help

    if arguments.repeat < 1:
        what = f"--repeat {arguments.repeat} is no count"
        raise UsageError(what, fix="give 1 or more")
    faults = choose(arguments.fault)
    if arguments.list:
        for fault in faults:
            print(f"{fault.name:<36} {fault.kind:<14} {' or '.join(fault.checks):<18} {fault.summary}")  # noqa: T201  a command prints
        return PROVED
    file = result_file("--json", arguments.json)
    if file:
        file.refuse_unwritable()
    settings = _settings(Path.cwd(), arguments.target)
    cases = _cases(settings)
    with ExitStack() as stack:
        prover = _prover(settings, cases, stack)
        refuse_wrong_code(settings)  # not earlier: what it imports may log
        proof = _proved(prover, arguments)
    if file:
        file.write(json.dumps(proof.to_json(), indent=2) + "\n")
    return PROVED if proof.holds else NOT_PROVED


def _proved(prover: Prover, arguments: argparse.Namespace) -> InjectionResult:
    from e2i_eval.faults import choose  # noqa: PLC0415  not needed for --help
    from e2i_eval.faults.proof.lines import HEADER, trial_line, verdict_lines  # noqa: PLC0415  as above

    print(HEADER, flush=True)  # noqa: T201  a command prints
    proof = prover.prove(
        choose(arguments.fault),
        repeat=arguments.repeat,
        report=lambda trial: print(trial_line(trial), flush=True),  # noqa: T201  a command prints
    )
    print("\n".join(["", *verdict_lines(proof)]))  # noqa: T201  a command prints
    return proof


def _settings(root: Path, targets: Sequence[str]) -> Settings:
    from e2i_eval.runner.config.options import cache_folder, environment, one_thread_each  # noqa: PLC0415  not needed for --help
    from e2i_eval.runner.config.settings import read_settings  # noqa: PLC0415  defers pydantic

    one_thread_each(environment())
    sys.path.insert(0, str(root))
    chosen = {"target": targets, "store": "temp", "claude": "mock"}
    return read_settings(root, chosen, cache=cache_folder(environment()), invocation=root)


def _cases(settings: Settings) -> dict[str, list[Case]]:
    """Return the golden cases of the chosen targets.

    Raises:
        UsageError: there is none, or a file is wrong.
    """
    from e2i_eval.core.errors import UsageError  # noqa: PLC0415  not needed for --help
    from e2i_eval.dataset.case_file.files import case_files  # noqa: PLC0415  as above
    from e2i_eval.dataset.case_file.reader import read_case  # noqa: PLC0415  as above

    cases = {
        name: [
            read_case(file, root=settings.root, known_targets=settings.targets)
            for file in case_files(settings.cases / name)
        ]
        for name in settings.targets
        if settings.is_chosen(name)
    }
    found = {name: own for name, own in cases.items() if own}
    if not found:
        what = f"there is no case file for {', '.join(cases)}"
        raise UsageError(what, where=str(settings.cases), fix=f"write a first one below {settings.cases}")
    return found


def _prover(settings: Settings, cases: Mapping[str, Sequence[Case]], stack: ExitStack) -> Prover:
    """Put a prover together: one process, one temporary server, a proxy before it."""
    from e2i_eval.checks.contract import load_contract  # noqa: PLC0415  as above
    from e2i_eval.claude import ClaudeWire  # noqa: PLC0415  not needed for --help
    from e2i_eval.core.clock import SystemClock  # noqa: PLC0415  as above
    from e2i_eval.core.prices import PriceTable  # noqa: PLC0415  as above
    from e2i_eval.core.scratch import ScratchFolder  # noqa: PLC0415  as above
    from e2i_eval.faults.proof import FaultInjector, Prover  # noqa: PLC0415  as above
    from e2i_eval.runner.config.options import environment, secrets  # noqa: PLC0415  as above
    from e2i_eval.runner.evaluation import Evaluator, SessionRef  # noqa: PLC0415  as above
    from e2i_eval.tracking import LoggingProxy, TemporaryServer, TrackingClient, redirected  # noqa: PLC0415  as above

    environ, clock = environment(), SystemClock()
    folder = ScratchFolder()
    stack.callback(folder.remove)
    tempfile.tempdir = environ["TMPDIR"] = str(folder.path)  # what a target keeps of broken calls goes with it
    server = TemporaryServer.start(store=folder.path / "mlflow", cache=settings.cache, environ=environ)
    stack.callback(server.stop)
    server.wait_ready(SERVER_START_TIMEOUT_S)
    proxy = stack.enter_context(LoggingProxy(server.uri))
    stack.enter_context(redirected(proxy.uri, environ))
    client = TrackingClient(
        server.uri,
        "e2i-eval prove",
        environ=environ,
        scratch=folder.path,
        artifacts=server.artifacts,
        logging_uri=proxy.uri,
    )
    stack.callback(client.close)
    wire = ClaudeWire(mode="mock", environ=environ, clock=clock, has_endpoint=settings.has_endpoint)
    wire.start()
    stack.callback(wire.stop)
    bench = FaultInjector(proxy)
    evaluator = Evaluator(
        settings=settings,
        session=SessionRef(
            session_id=uuid.uuid4().hex,
            name="e2i-eval prove",
            uri=server.uri,
            scratch=str(folder.path),
            tags={},
            params={},
        ),
        claude=wire,
        tracking=client,
        clock=clock,
        price=PriceTable.load(settings.prices).cost_usd,
        secrets=secrets(environ),
        build=bench.build,
    )
    stack.callback(evaluator.close)
    return Prover(
        injector=bench,
        evaluate=evaluator.evaluate,
        contract=lambda name: load_contract(settings.targets[name].contract, name, root=settings.root),
        cases=cases,
        clock=clock,
    )


PROVE = Command(
    name="prove",
    help="break logging, agents and the server in every known way, and show what the checks catch",
    arguments=_arguments,
    run=_run,
)
