"""
The documentation says what the code has.
"""

import importlib.util
import re
from pathlib import Path
from types import ModuleType

from twisted.trial.unittest import SynchronousTestCase

import wsfallback
from tests import test_security
from wsfallback.tap import Options

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"


def generated() -> ModuleType:
    """
    The extension that the documentation is built with.
    """
    spec = importlib.util.spec_from_file_location("generated", DOCS / "_ext" / "generated.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def pages(folder: str) -> str:
    """
    All pages of a folder.
    """
    return "\n".join(path.read_text("utf-8") for path in sorted((DOCS / folder).glob("*.rst")))


class DocsTests(SynchronousTestCase):
    """
    Names and examples.
    """

    def test_readmesEmbed(self) -> None:
        """
        The README's embed is the example that is run.
        """
        readme = (ROOT / "README.md").read_text("utf-8")
        (shown,) = re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
        self.assertEqual(shown, (DOCS / "examples" / "embed.py").read_text("utf-8"))

    def test_readmesLinks(self) -> None:
        """
        Each file that the README links is there; the picture is made apart.
        """
        readme = (ROOT / "README.md").read_text("utf-8")
        for target in re.findall(r"\]\(([^):#]+)\)", readme):
            if not target.endswith(".png"):
                self.assertTrue((ROOT / target).is_file(), target)

    def test_readmesDrafts(self) -> None:
        """
        The README names every draft.
        """
        readme = (ROOT / "README.md").read_text("utf-8")
        for draft in wsfallback.DRAFTS:
            self.assertIn(f"`{draft.name}`", readme)

    def test_everyOption(self) -> None:
        """
        The reference has every option of the command, and no other.
        """
        options = Options()
        said = set(re.findall(r"--([a-z-]+)", generated().optionList()))
        there = {name.rstrip("=") for name in options.longOpt} - {"help", "version"}
        self.assertEqual(said & there, there)
        # A dash of typography is no option to copy.
        for line in generated().optionList().splitlines():
            if not line.startswith(".. option:: "):
                self.assertNotRegex(line, r"(?<!`)--[a-z]")
        self.assertIn("wsfallback-options", pages("reference"))

    def test_everyLimit(self) -> None:
        """
        The table of limits has every limit, and each one's option is one.
        """
        table = generated().limitTable()
        there = {name.rstrip("=") for name in Options().longOpt}
        for name in wsfallback.Limits.__dataclass_fields__:
            self.assertIn(f"``{name}``", table)
            self.assertIn(generated().optionNamed(name), there)
        self.assertIn("wsfallback-limits", pages("reference"))

    def test_everyDraft(self) -> None:
        """
        The matrix has every draft.
        """
        for draft in wsfallback.DRAFTS:
            self.assertIn(f"``{draft.name}``", generated().draftMatrix())
        self.assertIn("wsfallback-drafts", pages("reference"))

    def test_everyClientOfTheGateway(self) -> None:
        """
        The matrix of the gateway is on its page, and has a line for each number.
        """
        table = generated().gatewayMatrix()
        self.assertIn("PhantomJS", table)
        self.assertIn("``hixie-76``", table)
        lines = table.count("\n#. ")
        self.assertIn(f"1-{lines}\n", table)
        self.assertIn("wsfallback-gateway-matrix", pages("howto"))

    def test_everySoak(self) -> None:
        """
        The page of the soak has every table of both runs, and they kept what was promised.
        """
        page = pages("explanation")
        for name in ("server", "gateway"):
            for what in generated().SOAK_TABLES:
                self.assertIn(f".. wsfallback-soak:: {name} {what}\n", page)
                table = generated().soak(name, what)
                self.assertIn(".. list-table::", table)
                self.assertNotIn("broken", table)

    def test_everyPublicName(self) -> None:
        """
        The reference has every public name.
        """
        reference = pages("reference")
        for name in wsfallback.__all__:
            self.assertRegex(reference, rf"\b{name}\b")

    def test_everyAttackHasItsTest(self) -> None:
        """
        The tests that the page on security names are there, and it names all of them.
        """
        page = (DOCS / "explanation" / "security.rst").read_text("utf-8")
        named = set(re.findall(r"``(\w+Tests\.test_\w+)``", page))
        there = {
            f"{kind.__name__}.{name}"
            for kind in vars(test_security).values()
            if isinstance(kind, type) and kind.__name__.endswith("Tests")
            for name in vars(kind)
            if name.startswith("test_")
        }
        self.assertEqual(named, there)

    def test_everyExampleIsShown(self) -> None:
        """
        Each example is on a page.
        """
        shown = "\n".join(path.read_text("utf-8") for path in DOCS.rglob("*.rst"))
        for path in (DOCS / "examples").rglob("*"):
            if path.suffix in (".py", ".js", ".toml", ".conf", ".cfg"):
                self.assertIn(path.relative_to(DOCS).as_posix(), shown)
