"""
The benchmarks run; what they measure is no test's business.
"""

import json
import re
from pathlib import Path

import pytest
import pytest_twisted

from tests.integration.children import PYTHON, ROOT, run


@pytest_twisted.ensureDeferred
async def test_echo() -> None:
    """
    A line for each server, with a figure and a ratio.
    """
    ran = await run(PYTHON, str(ROOT / "benchmarks" / "echo.py"), "400", seconds=90)
    assert ran.status == 0, ran
    lines = re.findall(r"^(\S.*\S) +[0-9.]+ us +[0-9.]+$", ran.printed, re.MULTILINE)
    assert lines[0] == "bare Autobahn, rfc6455", ran
    assert len(lines) == 8, ran


@pytest.mark.parametrize("how", ["server", "gateway"])
@pytest_twisted.ensureDeferred
async def test_soak(tmp_path: Path, how: str) -> None:
    """
    Of some hundred connections nothing is left, and the good ones lose no message.
    """
    file = tmp_path / "figures.json"
    options = "--connections 200 --good 10 --storm 40 --slow 8 --cycles 2 --seconds 2 --hold 0.5"
    ran = await run(
        PYTHON,
        str(ROOT / "benchmarks" / "soak.py"),
        *options.split(),
        *(["--gateway"] if how == "gateway" else []),
        "--json",
        str(file),
        seconds=300,
    )
    assert ran.status == 0, ran
    figures = json.loads(file.read_text("utf-8"))
    assert figures["good"]["returned"] == figures["good"]["sent"] > 0
    assert figures["counts"]["idle connections"] == 800
    assert {each["kept"] for each in figures["promises"]} == {True}
    assert how in figures["trimmed"]
