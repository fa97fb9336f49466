"""
``wsfallback probe ws://host/path``: which drafts does that server speak?
"""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.error import TimeoutError
from twisted.internet.task import react

from wsfallback.client import NEWEST_FIRST, Client
from wsfallback.drafts.table import answered
from wsfallback.errors import AnswerError, Attempt, NoDraftWorked
from wsfallback.handlers import MessageHandler

#: What the command calls itself.
AGENT = "wsfallback-probe"


@dataclass(frozen=True, slots=True)
class Finding:
    """
    What came of one draft.

    :ivar works: whether a connection was opened.
    :ivar status: the HTTP status that the server answered, `None` without an answer.
    :ivar answer: what it said, for people.
    :ivar means: what that means.
    :ivar protocol: the subprotocol that it chose.
    """

    draft: str
    works: bool
    status: int | None
    answer: str
    means: str
    protocol: str | None = None


class _Knocker(MessageHandler):
    """
    Comes and goes.
    """

    def __init__(self) -> None:
        self.over: Deferred[None] = Deferred()

    def onOpen(self) -> None:
        """
        Go.
        """
        self.sendClose(1000)

    def onClose(self, wasClean: bool, code: int, reason: str | None) -> None:
        """
        Gone.
        """
        self.over.callback(None)


async def probe(where: Any, **options: Any) -> list[Finding]:
    """
    Try each draft by itself, newest first.

    :param where: and ``options`` as of `wsfallback.Client`.
    :returns: what came of each; no more than one where there is no server, or no TLS.
    """
    findings = []
    for name in options.pop("drafts", NEWEST_FIRST):
        client = Client(where, drafts=[name], **options)
        handler = _Knocker()
        try:
            channel = await client.connect(lambda handler=handler: handler)  # type: ignore[misc]
        except NoDraftWorked as error:
            (attempt,) = error.attempts
            findings.append(_failed(attempt))
            if not isinstance(attempt.error, AnswerError | TimeoutError):
                break
        else:
            chosen = channel.protocolInUse
            await handler.over
            said = "101" if chosen is None else f"101, subprotocol {chosen}"
            findings.append(Finding(name, True, 101, said, "spoken", chosen))
    return findings


def _failed(attempt: Attempt) -> Finding:
    response = attempt.response
    status = None if response is None else response.status
    error = attempt.error
    if not isinstance(error, AnswerError):
        means = "no answer" if isinstance(error, TimeoutError) else "no connection"
    elif response is not None and answered(response) is not None:
        means = f"answers as {answered(response).name}"  # type: ignore[union-attr]
    elif error.isOtherDraft:
        means = "not spoken"
    elif attempt.status is not None:
        means = "refused, whoever speaks"
    else:
        means = "not understood"
    return Finding(attempt.draft, False, status, str(error) or type(error).__name__, means)


def table(findings: Sequence[Finding]) -> str:
    """
    For people: a line each, with what they have in columns.
    """
    rows = [("draft", "means", "answer")]
    rows += [(each.draft, each.means, " ".join(each.answer.split())) for each in findings]
    widths = [max(len(row[column]) for row in rows) for column in range(2)]
    return "\n".join(f"{row[0]:{widths[0]}}  {row[1]:{widths[1]}}  {row[2]}" for row in rows)


def _field(text: str) -> tuple[str, str]:
    name, colon, value = text.partition(":")
    if not colon:
        raise argparse.ArgumentTypeError(f"give 'Name: value', not {text!r}")
    return name.strip(), value.strip()


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wsfallback",
        description="Ask WebSocket servers which drafts they speak."
        " The server itself is run by: twistd wsfallback",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    this = commands.add_parser(
        "probe",
        help="tell which drafts a server speaks",
        description="Try each draft by itself, newest first, and tell what the server answered."
        " The exit status is 0 if one works, 1 if none does, 2 if the command line is wrong.",
    )
    this.add_argument("url", help="ws://host/path or wss://host/path")
    this.add_argument("--json", action="store_true", help="a list of objects instead of a table")
    this.add_argument("--origin", help="the Origin to send; hixie drafts send the server's if none")
    this.add_argument(
        "--header",
        action="append",
        default=[],
        type=_field,
        metavar="'NAME: VALUE'",
        help="one more field of the request; repeatable",
    )
    this.add_argument(
        "--protocol", action="append", default=[], help="a subprotocol to ask for; repeatable"
    )
    this.add_argument(
        "--timeout", type=float, default=10.0, metavar="SECONDS", help="for each draft; default 10"
    )
    this.add_argument(
        "--insecure", action="store_true", help="take any certificate for wss://, and name no host"
    )
    return parser


async def run(reactor: Any, options: argparse.Namespace) -> int:
    """
    Probe, and print.

    :returns: the exit status.
    :raises ValueError: an option that can't be.
    """
    headers = options.header
    if not any(name.lower() == "user-agent" for name, _ in headers):
        # Who looks after the server sees a client of an old draft, and should see that it is none.
        headers = [*headers, ("User-Agent", AGENT)]
    contextFactory = None
    if options.insecure:
        # Here and not above: it needs pyOpenSSL, which ws:// doesn't.
        from twisted.internet.ssl import CertificateOptions

        contextFactory = CertificateOptions()
    findings = await probe(
        options.url,
        origin=options.origin,
        headers=headers,
        protocols=options.protocol,
        timeout=options.timeout,
        contextFactory=contextFactory,
        reactor=reactor,
    )
    if options.json:
        print(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        print(table(findings))
    return 0 if any(finding.works for finding in findings) else 1


def main(arguments: Sequence[str] | None = None) -> None:
    """
    The command.

    :raises SystemExit: always: 0 a draft works, 1 none does, 2 the command line can't be.
    """
    parser = _parser()
    options = parser.parse_args(arguments)

    async def running(reactor: Any) -> None:
        try:
            status = await run(reactor, options)
        except (TypeError, ValueError) as error:
            print(f"wsfallback probe: {error}", file=sys.stderr)
            status = 2
        raise SystemExit(status)

    react(lambda reactor: Deferred.fromCoroutine(running(reactor)))
