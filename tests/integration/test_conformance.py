"""
The Autobahn conformance suite, the cases without compression: ``wstest -m fuzzingclient``.
"""

import json
import os
from collections import Counter
from pathlib import Path

import pytest
import pytest_twisted

from tests.integration.children import run
from tests.integration.conftest import Serve

#: Where ``wstest`` is, which runs on Python 2.7 alone: ``peers/wstest.sh`` makes one.
WSTEST = os.environ.get("WSTEST", "")

#: The suite sends up to 16 MiB.
LIMIT = str(32 << 20)
#: Seconds; it takes about 15.
BOUND = 300.0


@pytest.mark.skipif(
    not os.access(WSTEST, os.X_OK),
    reason="the suite needs Python 2.7; tests/integration/peers/wstest.sh DIR makes it, and"
    " WSTEST=DIR/wstest names it",
)
@pytest_twisted.ensureDeferred
async def test_fuzzingClient(serve: Serve, tmp_path: Path) -> None:
    """
    298 cases are OK, 3 are informational, as with Autobahn alone; so are their closes.
    """
    server = await serve("--max-message", LIMIT, "--max-frame", LIMIT)
    (tmp_path / "fuzzingclient.json").write_text(
        json.dumps(
            {
                "outdir": "reports",
                "servers": [{"agent": "wsfallback", "url": f"ws://127.0.0.1:{server.port}"}],
                "cases": ["*"],
                "exclude-cases": ["12.*", "13.*"],
                "exclude-agent-cases": {},
            }
        )
    )
    ran = await run(WSTEST, "-m", "fuzzingclient", directory=tmp_path, seconds=BOUND)
    report = tmp_path / "reports" / "index.json"
    assert report.exists(), ran
    cases = json.loads(report.read_text())["wsfallback"]
    for judgement in ("behavior", "behaviorClose"):
        found = Counter(case[judgement] for case in cases.values())
        others = {
            name: case[judgement]
            for name, case in cases.items()
            if case[judgement] not in ("OK", "INFORMATIONAL")
        }
        assert found == {"OK": 298, "INFORMATIONAL": 3}, (judgement, others)
