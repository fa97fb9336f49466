"""
Which module may import which: the layers, read from the imports themselves.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from twisted.trial.unittest import SynchronousTestCase

import wsfallback

PACKAGE = Path(wsfallback.__file__).parent
PLUGIN = (PACKAGE.parent / "twisted" / "plugins" / "wsfallback_plugin.py").read_text("utf-8")

#: Every module: what of this package it may import. Lowest first; each imports from above only.
LAYERS: dict[str, set[str]] = {
    # The standard library and each other, in this direction.
    "errors": set(),
    "events": set(),
    "head": {"errors"},
    "request": {"errors", "head"},
    "response": {"errors", "head"},
    "destination": {"head"},
    "drafts": set(),
    "drafts.hixie75": {"errors", "events", "request"},
    "drafts.hixie76": {"drafts.hixie75", "errors", "request"},
    "drafts.rfc6455": set(),
    "drafts.asking": {"destination", "errors", "response"},
    "drafts.hixie75_client": {"drafts.asking", "errors", "response"},
    "drafts.hixie76_client": {"drafts.asking", "drafts.hixie75_client"},
    "drafts.rfc6455_client": {"drafts.asking", "drafts.rfc6455", "response"},
    "drafts.table": {
        "drafts.asking",
        "drafts.hixie75",
        "drafts.hixie75_client",
        "drafts.hixie76",
        "drafts.hixie76_client",
        "drafts.rfc6455_client",
        "errors",
        "head",
        "request",
        "response",
    },
    "addresses": set(),
    "utf8": set(),
    "outgoing": {"errors"},
    "inflate": set(),
    "signals": set(),
    "pem": set(),
    "certificates": {"pem"},
    # What the protocols stand on.
    "policy": {"drafts.table"},
    "record": {"errors", "request"},
    "quota": {"addresses"},
    "journal": {"errors", "quota", "record"},
    # What is counted, and shown of it.
    "snapshot": {"drafts.table"},
    "stats": {"errors", "record", "snapshot"},
    "kept": {"errors", "record", "snapshot"},
    "local": {"addresses"},
    "metrics": {"snapshot"},
    "plot": set(),
    "statuspage": {"drafts.table", "plot", "snapshot"},
    "bodies": set(),
    "status": {"addresses", "bodies", "local", "metrics", "snapshot", "statuspage"},
    "deadline": set(),
    "leaving": {"deadline"},
    "sockets": set(),
    "handover": set(),
    "draining": {"deadline"},
    "farewell": {"deadline", "errors", "leaving", "policy"},
    "bounds": {"policy"},
    "rates": {"errors", "policy"},
    "crowd": {"addresses", "errors", "policy", "rates"},
    "interfaces": set(),
    # The application's side.
    "handlers": {"drafts.table", "interfaces"},
    "demo": {"errors", "handlers"},
    "applications": {
        "crowd",
        "deadline",
        "drafts.table",
        "handlers",
        "policy",
        "record",
        "request",
    },
    # The protocols.
    "handshake": {"drafts.asking", "drafts.table", "errors", "head", "request"},
    "send_queue": {"record"},
    "flow": {"deadline", "errors", "leaving", "policy", "record", "send_queue"},
    "forwarding": {
        "deadline",
        "drafts.table",
        "errors",
        "flow",
        "interfaces",
        "outgoing",
        "policy",
        "rates",
        "record",
    },
    "engine": {
        "drafts.asking",
        "drafts.rfc6455",
        "drafts.table",
        "errors",
        "handshake",
        "policy",
        "request",
    },
    "hixie_connection": {
        "drafts.hixie75",
        "errors",
        "events",
        "flow",
        "forwarding",
        "outgoing",
    },
    "modern_connection": {
        "bounds",
        "deadline",
        "drafts.table",
        "engine",
        "errors",
        "flow",
        "forwarding",
        "inflate",
        "outgoing",
        "policy",
        "rates",
        "record",
        "utf8",
    },
    # The server's end.
    "admission": {"applications", "errors", "forwarding", "handshake", "leaving", "rates"},
    "hixie": {
        "admission",
        "drafts.hixie75",
        "errors",
        "handshake",
        "hixie_connection",
        "interfaces",
    },
    "modern": {
        "admission",
        "drafts.rfc6455",
        "engine",
        "errors",
        "handshake",
        "interfaces",
        "modern_connection",
    },
    # Applications that were written for something else.
    "frames": {"errors"},
    "producer": set(),
    "inner": {"errors", "interfaces", "producer"},
    "bridge_transport": {"inner", "interfaces"},
    "bridge_tls": {"bridge_transport"},
    "opening13": {"drafts.table", "handshake", "request"},
    "bridge": {
        "applications",
        "drafts.table",
        "errors",
        "frames",
        "handlers",
        "leaving",
        "bridge_transport",
        "opening13",
        "request",
        "bridge_tls",
        "utf8",
    },
    "carriers": {"drafts.table", "utf8"},
    "stream_connection": {
        "carriers",
        "errors",
        "handlers",
        "inner",
        "interfaces",
        "leaving",
        "policy",
    },
    "stream": {"applications", "drafts.table", "request", "stream_connection"},
    "forwarded": {"addresses", "head", "request"},
    # Who may come in.
    "rules": {"addresses", "drafts.table", "errors", "policy", "request"},
    "hosts": {"addresses", "errors", "forwarded", "policy", "request"},
    "external": {"destination", "request"},
    "flash": {"policy"},
    "entrance": {"addresses", "external", "flash", "forwarded", "hosts", "request", "rules"},
    "web": {"addresses", "bodies", "errors", "forwarded", "hosts", "quota", "request"},
    "peeking": {
        "addresses",
        "applications",
        "crowd",
        "deadline",
        "draining",
        "drafts.table",
        "entrance",
        "errors",
        "farewell",
        "flash",
        "handover",
        "leaving",
        "policy",
        "record",
        "request",
        "sockets",
    },
    "server": {
        "addresses",
        "applications",
        "bridge",
        "crowd",
        "draining",
        "drafts.table",
        "engine",
        "entrance",
        "errors",
        "handlers",
        "hixie",
        "journal",
        "leaving",
        "local",
        "modern",
        "peeking",
        "policy",
        "record",
        "request",
        "rules",
        "stream",
    },
    # The client's end.
    "commission": {
        "deadline",
        "drafts.asking",
        "drafts.table",
        "errors",
        "forwarding",
        "handshake",
        "policy",
        "record",
    },
    "hixie_client": {"commission", "hixie_connection", "interfaces"},
    "modern_client": {"commission", "drafts.asking", "engine", "interfaces", "modern_connection"},
    "knocking": {
        "commission",
        "deadline",
        "destination",
        "drafts.asking",
        "drafts.table",
        "engine",
        "errors",
        "handover",
        "handshake",
        "hixie_client",
        "leaving",
        "modern_client",
        "policy",
        "request",
        "sockets",
    },
    "client": {
        "destination",
        "drafts.table",
        "engine",
        "errors",
        "handlers",
        "knocking",
        "policy",
    },
    "endpoint": {"client", "handlers", "interfaces", "leaving"},
    "stream_client": {"carriers", "client", "stream_connection"},
    # The gateway: a handler at one end, the client at the other.
    "backends": {"errors"},
    "descriptions": set(),
    "legs": {"errors", "handlers"},
    "gateway": {
        "addresses",
        "backends",
        "client",
        "destination",
        "errors",
        "forwarded",
        "handshake",
        "legs",
        "policy",
    },
    # Plain HTTP to a backend.
    "proxy_fields": {"head"},
    "proxy_backend": {"backends", "deadline", "proxy_fields", "sockets"},
    "proxy_pool": {"backends", "proxy_backend"},
    "proxy_exchange": {"backends", "errors", "head", "proxy_backend", "proxy_fields", "request"},
    "proxy_client": {
        "backends",
        "deadline",
        "errors",
        "leaving",
        "policy",
        "proxy_backend",
        "proxy_exchange",
        "request",
    },
    "proxy": {
        "addresses",
        "backends",
        "client",
        "destination",
        "forwarded",
        "hosts",
        "policy",
        "proxy_backend",
        "proxy_client",
        "proxy_fields",
        "proxy_pool",
        "request",
    },
    "forwards": {
        "client",
        "descriptions",
        "destination",
        "gateway",
        "policy",
        "proxy",
    },
    # In memory, apart from the code that it tests.
    "testing.transport": set(),
    "testing.client": {"testing.transport"},
    "testing.hixie": {"testing.client"},
    "testing.hybi": {"testing.client", "testing.transport"},
    "testing": {"testing.client", "testing.hixie", "testing.hybi", "testing.transport"},
    # What is public.
    "": {
        "client",
        "drafts.table",
        "endpoint",
        "errors",
        "handlers",
        "interfaces",
        "policy",
        "rules",
        "server",
        "stream_client",
    },
    # The command: nothing imports it but the plugin, and that by name.
    "config": set(),
    "listening": {"descriptions", "server"},
    "connecting": {"descriptions", "stream_client"},
    "named": {"applications", "bridge", "demo", "handlers", "interfaces", "stream"},
    "acceptor": {"deadline"},
    "ports": {"acceptor"},
    "services": {"descriptions", "server", "signals"},
    "reloading": {"signals"},
    "securing": {"certificates", "descriptions", "reloading"},
    "shown": {"kept", "services", "snapshot", "status"},
    "gathering": {"snapshot", "stats"},
    "rule_options": {
        "addresses",
        "descriptions",
        "external",
        "hosts",
        "policy",
        "rules",
    },
    "sparing": set(),
    "logs": {"sparing"},
    "worker_link": set(),
    "worker_log": set(),
    "worker_process": {"deadline", "worker_link", "worker_log"},
    "worker_command": {"worker_link", "worker_process"},
    "worker_life": {"deadline", "worker_process"},
    "workers": {
        "ports",
        "reloading",
        "services",
        "signals",
        "worker_command",
        "worker_life",
        "worker_link",
        "worker_process",
    },
    "worker_options": {"services", "worker_command", "workers"},
    "limit_options": {"policy"},
    "serving": {
        "acceptor",
        "demo",
        "gathering",
        "ports",
        "quota",
        "reloading",
        "server",
        "services",
        "shown",
        "stats",
        "web",
    },
    "tap": {
        "",
        "config",
        "drafts.table",
        "forwards",
        "limit_options",
        "logs",
        "named",
        "policy",
        "rule_options",
        "services",
        "serving",
        "shown",
        "worker_options",
    },
    "worker": {
        "gathering",
        "services",
        "serving",
        "shown",
        "signals",
        "stats",
        "tap",
        "worker_link",
        "worker_log",
        "worker_options",
    },
    "__main__": set(),
    "probe": {"client", "drafts.table", "errors", "handlers"},
}

#: Every module: which other packages it may import; none if it isn't here.
OTHERS: dict[str, set[str]] = {
    "deadline": {"twisted"},
    "addresses": {"twisted"},
    "record": {"zope"},
    "quota": {"twisted"},
    "journal": {"twisted", "zope"},
    "stats": {"twisted", "zope"},
    "kept": {"twisted"},
    "gathering": {"twisted"},
    "metrics": {"prometheus_client"},
    "bodies": {"twisted"},
    "status": {"autobahn", "twisted"},
    "shown": {"twisted"},
    "sparing": {"twisted", "zope"},
    "logs": {"twisted"},
    "leaving": {"twisted", "zope"},
    "draining": {"twisted", "zope"},
    "farewell": {"twisted"},
    "sockets": {"twisted"},
    "handover": {"twisted", "zope"},
    "interfaces": {"autobahn", "zope"},
    "handlers": {"autobahn", "zope"},
    "demo": {"autobahn", "twisted"},
    "handshake": {"autobahn"},
    "inflate": {"autobahn"},
    "web": {"autobahn", "twisted"},
    "send_queue": {"twisted", "zope"},
    "flow": {"twisted"},
    "forwarding": {"autobahn", "twisted"},
    "engine": {"autobahn", "twisted"},
    "admission": {"autobahn", "twisted", "zope"},
    "applications": {"twisted", "zope"},
    "inner": {"twisted", "zope"},
    "bridge_transport": {"twisted"},
    "bridge_tls": {"OpenSSL", "twisted", "zope"},
    "opening13": {"autobahn"},
    "bridge": {"autobahn", "twisted", "zope"},
    "stream_connection": {"twisted", "zope"},
    "stream": {"autobahn", "twisted", "zope"},
    "listening": {"twisted", "zope"},
    "connecting": {"twisted"},
    "stream_client": {"autobahn", "twisted", "zope"},
    "named": {"autobahn", "twisted"},
    "hixie_connection": {"twisted", "zope"},
    "modern_connection": {"autobahn", "twisted", "zope"},
    "hixie": {"autobahn", "twisted", "zope"},
    "modern": {"autobahn", "twisted", "zope"},
    "peeking": {"autobahn", "twisted", "zope"},
    "server": {"autobahn", "twisted", "zope"},
    "commission": {"autobahn", "twisted"},
    "hixie_client": {"twisted", "zope"},
    "modern_client": {"autobahn", "twisted", "zope"},
    "knocking": {"autobahn", "twisted", "zope"},
    "client": {"twisted"},
    "endpoint": {"twisted", "zope"},
    "probe": {"twisted"},
    "backends": {"twisted"},
    "forwarded": {"autobahn"},
    "legs": {"autobahn", "twisted", "zope"},
    "gateway": {"autobahn", "twisted"},
    "proxy_backend": {"h11", "twisted", "zope"},
    "proxy_pool": {"twisted"},
    "proxy_exchange": {"h11", "twisted", "zope"},
    "proxy_client": {"autobahn", "h11", "twisted", "zope"},
    "proxy": {"h11", "twisted"},
    "forwards": {"twisted"},
    "rule_options": {"twisted"},
    "testing.transport": {"twisted", "zope"},
    "testing.client": {"twisted"},
    "testing.hybi": {"twisted"},
    "testing": {"twisted", "zope"},
    "config": {"twisted"},
    "acceptor": {"twisted", "zope"},
    "ports": {"twisted", "zope"},
    "services": {"twisted"},
    "pem": {"cryptography"},
    "certificates": {"OpenSSL", "twisted", "zope"},
    "reloading": {"twisted", "zope"},
    "securing": {"twisted", "zope"},
    "worker_link": {"twisted"},
    "worker_log": {"twisted", "zope"},
    "worker_process": {"twisted"},
    "worker_life": {"twisted"},
    "workers": {"twisted", "zope"},
    "worker_options": {"twisted"},
    "worker": {"twisted"},
    "limit_options": {"twisted"},
    "serving": {"twisted"},
    "tap": {"twisted"},
    "__main__": {"twisted"},
}

#: Where Autobahn's engine enters.
ENGINES = (
    *("engine", "modern", "modern_client", "modern_connection"),
    *("bridge", "server", "named"),
)

#: Importing one of these installs a reactor.
REACTORS = ("twisted.internet.reactor", "twisted.internet.default")


def moduleName(path: Path) -> str:
    """
    ``drafts.table``; the empty string for the package itself.
    """
    parts = list(path.relative_to(PACKAGE).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


#: Every module that there is: its source.
MODULES = {moduleName(path): path.read_text("utf-8") for path in sorted(PACKAGE.rglob("*.py"))}


def imported(nodes: list[ast.AST]) -> Iterator[str]:
    """
    The full names of what these import: a module's, or that of a name in it.
    """
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def everywhere(source: str) -> list[str]:
    """
    What a module imports, at whatever place.
    """
    return list(imported(list(ast.walk(ast.parse(source)))))


def atModuleLevel(source: str) -> list[str]:
    """
    What a module imports when it is imported: all that is not in a function.
    """
    nodes: list[ast.AST] = []
    waiting: list[ast.AST] = [ast.parse(source)]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            nodes.append(node)
            waiting.extend(ast.iter_child_nodes(node))
    return list(imported(nodes))


def ours(name: str) -> str | None:
    """
    The module of this package that an import is about; `None` for any other's.
    """
    first, _, rest = name.partition(".")
    if first != "wsfallback":
        return None
    # ``from wsfallback.errors import quoted`` is about a name in a module.
    return rest if rest in MODULES else rest.rpartition(".")[0]


def run(program: str) -> str:
    """
    What a new interpreter prints.
    """
    done = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        check=True,
        cwd=PACKAGE.parent,
        text=True,
        timeout=60,
    )
    return done.stdout.strip()


class LayerTests(SynchronousTestCase):
    """
    The tables above are what the modules do.
    """

    def test_everyModuleIsInTheTable(self) -> None:
        """
        A new module gets its place first.
        """
        self.assertEqual(set(LAYERS), set(MODULES))
        self.assertTrue(set(OTHERS) <= set(MODULES))

    def test_ourModules(self) -> None:
        """
        Each module imports what it may.
        """
        for name, source in MODULES.items():
            found = {ours(each) for each in everywhere(source)} - {None}
            self.assertEqual(found - LAYERS[name], set(), name)

    def test_theTableIsNotLarger(self) -> None:
        """
        And it does import that: a permission that nobody needs is taken back.
        """
        for name, source in MODULES.items():
            found = {ours(each) for each in everywhere(source)}
            self.assertEqual(LAYERS[name] - found, set(), name)

    def test_theTableHasADirection(self) -> None:
        """
        No module may import one that is further down.
        """
        known: set[str] = set()
        for name, allowed in LAYERS.items():
            self.assertTrue(allowed <= known, name)
            known.add(name)

    def test_otherPackages(self) -> None:
        """
        The lowest modules import the standard library alone, all others what they need.
        """
        for name, source in MODULES.items():
            found = {each.partition(".")[0] for each in everywhere(source)}
            foreign = found - sys.stdlib_module_names - {"wsfallback"}
            self.assertEqual(foreign, OTHERS.get(name, set()), name)

    def test_autobahnsEngine(self) -> None:
        """
        Autobahn's engine enters in few modules; its request type and its way to write an address
        are what the others have of it.
        """
        for name, source in MODULES.items():
            for each in everywhere(source):
                if each.startswith("autobahn.") and name not in ENGINES:
                    self.assertTrue(
                        each.startswith(("autobahn.websocket.types.", "autobahn.exception."))
                        or each == "autobahn.twisted.util.peer2str",
                        (name, each),
                    )

    def test_thePluginNamesTheCommand(self) -> None:
        """
        ``twistd`` learns of the command without importing it.
        """
        self.assertEqual([each for each in everywhere(PLUGIN) if each.startswith("wsfallback")], [])
        strings = {
            node.value for node in ast.walk(ast.parse(PLUGIN)) if isinstance(node, ast.Constant)
        }
        self.assertTrue(
            {
                "wsfallback.tap",
                "wsfallback.listening.parse",
                "wsfallback.connecting.parse",
                "wsfallback.securing.parse",
            }
            <= strings
        )


class ReactorTests(SynchronousTestCase):
    """
    The reactor is a parameter.
    """

    def test_noneAtModuleLevel(self) -> None:
        """
        No module imports one when it is imported.
        """
        for name, source in [*MODULES.items(), ("plugin", PLUGIN)]:
            for each in atModuleLevel(source):
                self.assertFalse(each.startswith(REACTORS), (name, each))
                self.assertFalse(each.endswith("reactor"), (name, each))

    def test_importingInstallsNone(self) -> None:
        """
        Neither the package nor any of its modules chooses a reactor for the application.
        """
        names = [f"wsfallback.{name}".rstrip(".") for name in MODULES if name != "__main__"]
        self.assertEqual(
            run(
                "import importlib, sys\n"
                f"for name in {names!r}:\n"
                "    importlib.import_module(name)\n"
                "    if 'twisted.internet.reactor' in sys.modules:\n"
                "        sys.exit(f'{name} installs a reactor')\n"
                "print('none')"
            ),
            "none",
        )

    def test_importingImportsNoCommand(self) -> None:
        """
        An application that embeds the factory gets neither command nor demonstration.
        """
        self.assertEqual(
            run(
                "import sys, wsfallback\n"
                "print([name for name in ('tap', 'demo', 'probe', 'testing')"
                " if 'wsfallback.' + name in sys.modules])"
            ),
            "[]",
        )

    def test_reading(self) -> None:
        """
        The reader of imports finds one in a class or a condition, and leaves functions alone.
        """
        source = (
            "if True:\n    import a.b\nclass C:\n    from c import d\n"
            "def f():\n    import e\ntry:\n    import g\nexcept ImportError:\n    pass\n"
        )
        self.assertEqual(set(atModuleLevel(source)), {"a.b", "c.d", "g"})
        self.assertEqual(set(everywhere(source)), {"a.b", "c.d", "e", "g"})
