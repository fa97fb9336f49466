"""
What is installed: the wheel, and the editable install that README.md gives.
"""

import shutil
from pathlib import Path
from zipfile import ZipFile

import pytest
import pytest_twisted

from tests.integration.children import PYTHON, ROOT, Child, environment, run
from tests.integration.conftest import Connect, Serve
from tests.integration.test_command import checkEcho, checkPage

#: Seconds for pip, which may have to ask a registry.
LONG = 280.0


def clean() -> dict[str, str]:
    """
    An environment that doesn't find this checkout.
    """
    env = environment()
    del env["PYTHONPATH"]
    return env


async def succeed(*command: str, directory: Path) -> Child:
    """
    Run a program, which ends well.
    """
    ended = await run(*command, directory=directory, env=clean(), seconds=LONG)
    assert ended.status == 0, f"{command}: {ended}"
    return ended


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """
    The sources alone, without what building and running leave behind.
    """
    ignored = shutil.ignore_patterns(
        *(".*", "__pycache__", "dropin.cache", "*.egg-info", "build", "dist", "node_modules")
    )
    for name in ("wsfallback", "twisted"):
        shutil.copytree(ROOT / name, tmp_path / "copy" / name, ignore=ignored)
    for name in ("setup.cfg", "pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path / "copy")
    return tmp_path / "copy"


async def makeWheel(copy: Path, directory: Path) -> Path:
    """
    Build it, in an environment of pip's own.
    """
    await succeed(
        PYTHON, "-m", "pip", "wheel", "--no-deps", "-w", "wheels", str(copy), directory=directory
    )
    (wheel,) = (directory / "wheels").iterdir()
    return wheel


@pytest.mark.parametrize("isEditable", [False, True], ids=["wheel", "editable"])
@pytest_twisted.ensureDeferred
async def test_installed(
    serve: Serve, connect: Connect, copy: Path, tmp_path: Path, isEditable: bool
) -> None:
    """
    Installed in an environment of its own, twistd has the command wherever it runs.
    """
    if isEditable:
        what = ("--config-settings", "editable_mode=compat", "-e", str(copy))
    else:
        wheel = await makeWheel(copy, tmp_path)
        what = (str(wheel),)
    await succeed(PYTHON, "-m", "venv", "venv", directory=tmp_path)
    programs = tmp_path / "venv" / "bin"
    await succeed(str(programs / "python"), "-m", "pip", "install", *what, directory=tmp_path)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    shown = await succeed(str(programs / "twistd"), "--help", directory=elsewhere)
    assert "wsfallback" in shown.printed.split(), shown
    endpoint = "wsfallback:haproxy:tcp:0"
    await succeed(
        str(programs / "python"),
        "-c",
        f"from twisted.internet import endpoints as e; e.serverFromString(None, {endpoint!r})",
        directory=elsewhere,
    )
    server = await serve(
        command=(str(programs / "twistd"), "-n", "--pidfile=", "wsfallback"), env=clean()
    )
    await checkPage(await connect(server.port))
    client = await connect(server.port, "rfc6455")
    await client.open()
    await checkEcho(client)


@pytest_twisted.ensureDeferred
async def test_wheel(copy: Path, tmp_path: Path) -> None:
    """
    The wheel has the page, the marker of its types, the plugin, and no tests.
    """
    with ZipFile(await makeWheel(copy, tmp_path)) as wheel:
        names = {name for name in wheel.namelist() if ".dist-info/" not in name}
    sources = {
        str(path.relative_to(copy)) for path in (copy / "wsfallback").rglob("*") if path.is_file()
    }
    assert {"wsfallback/demo.html", "wsfallback/status.html", "wsfallback/py.typed"} <= sources
    # And no __init__.py of ours in Twisted's own packages.
    assert names == sources | {"twisted/plugins/wsfallback_plugin.py"}
