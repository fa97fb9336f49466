"""
Certificates in files.
"""

import os

from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
)

from tests.certificates import issue
from tests.test_tap import DirectoryCase
from wsfallback.pem import Source, Unusable, read, sources


class SourcesTests(DirectoryCase):
    """
    What in a directory is a certificate.
    """

    def test_layouts(self) -> None:
        """
        A file of all, and a directory as of certbot; nothing else.
        """
        here = self.directory()
        (here / "README").write_text("as certbot puts one there")
        (here / ".hidden.pem").write_text("an editor's")
        (here / "notes").mkdir()
        (here / "B.example.pem").touch()
        (here / "a.example").mkdir()
        (here / "a.example" / "fullchain.pem").touch()
        upper, lower = sources(here)
        self.assertEqual(upper, Source("B.example.pem", "b.example", *[here / "B.example.pem"] * 2))
        pair = (here / "a.example" / "fullchain.pem", here / "a.example" / "privkey.pem")
        self.assertEqual(lower, Source("a.example", "a.example", *pair))

    def test_brokenLinks(self) -> None:
        """
        Are there, and can't be read: that is worth a word.
        """
        here = self.directory()
        (here / "a.pem").symlink_to("nowhere")
        (here / "b").mkdir()
        (here / "b" / "privkey.pem").symlink_to("nowhere")
        self.assertEqual([each.label for each in sources(here)], ["a.pem", "b"])
        for source in sources(here):
            self.assertIn("No such file", str(self.assertRaises(Unusable, read, source)))

    def test_noDirectory(self) -> None:
        """
        One sentence, with its name.
        """
        here = self.directory()
        (here / "file").touch()
        for wrong, why in (("none", "No such file or directory"), ("file", "Not a directory")):
            error = self.assertRaises(Unusable, sources, here / wrong)
            self.assertEqual(str(error), f"{here / wrong}: {why}")


class ReadTests(DirectoryCase):
    """
    What is read of it.
    """

    def setUp(self) -> None:
        self.file = self.directory() / "Box.Lan.pem"

    def source(self) -> Source:
        """
        Of the one file.
        """
        (source,) = sources(self.file.parent)
        return source

    def test_chain(self) -> None:
        """
        The certificate, those between it and the root, the key, names, and how long it is good.
        """
        root = issue("root", isAuthority=True)
        between = issue("between", by=root, isAuthority=True)
        issued = issue("A.example", "*.a.example", "127.0.0.1", by=between)
        issued.file(self.file)
        credential = read(self.source())
        self.assertEqual(credential.chain, (issued.certificate, between.certificate))
        self.assertEqual(credential.names, {"a.example", "*.a.example"})
        self.assertEqual(credential.until, issued.certificate.not_valid_after_utc)

    def test_pair(self) -> None:
        """
        The same from two files, and from a file with the key in front.
        """
        issued = issue("a.example")
        self.file.write_bytes(issued.secret + issued.pem)
        issued.pair(self.file.parent / "a.example")
        for source in sources(self.file.parent):
            credential = read(source)
            self.assertEqual(credential.chain, (issued.certificate,))
            self.assertEqual(credential.key.public_key(), issued.key.public_key())

    def test_noNames(self) -> None:
        """
        One that names nobody is for whom its file is called.
        """
        for issued in (issue(), issue("127.0.0.1")):
            issued.file(self.file)
            self.assertEqual(read(self.source()).names, {"box.lan"})

    def test_mistakes(self) -> None:
        """
        Each gets a sentence of one line.
        """
        issued, other = issue("a.example"), issue("b.example")
        locked = issued.key.private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")
        )
        for content, said in (
            (b"", "ValueError"),
            (b"\0\xff\n" * 99, "ValueError"),
            (issued.secret, "ValueError"),
            (issued.pem, "one private key is wanted, and there are 0"),
            (issued.pem + issued.secret * 2, "one private key is wanted, and there are 2"),
            (issued.pem + locked, "encrypted"),
            (issued.pem + other.secret, "not that of the first certificate"),
            (other.pem + issued.pem + issued.secret, "not that of the first certificate"),
            (issued.pem[:-40] + issued.secret, "ValueError"),
            (issued.pem + issued.secret[:60] + issued.secret[70:], "ValueError"),
        ):
            self.file.write_bytes(content)
            error = str(self.assertRaises(Unusable, read, self.source()))
            self.assertIn(said, error)
            self.assertNotIn("\n", error)
            self.assertLessEqual(len(error), 300)

    def test_noFiles(self) -> None:
        """
        What has no end, or may never begin, is not waited for.
        """
        os.mkfifo(self.file)
        error = self.assertRaises(Unusable, read, self.source())
        self.assertEqual(str(error), "Box.Lan.pem is no file")
        self.file.unlink()
        content = issue("a.example")
        whole = content.pem + content.secret
        self.file.write_bytes(whole + b"\n" * ((1 << 20) - len(whole)))
        self.assertEqual(read(self.source()).names, {"a.example"})
        self.file.write_bytes(whole + b"\n" * ((1 << 20) - len(whole) + 1))
        error = self.assertRaises(Unusable, read, self.source())
        self.assertEqual(str(error), "Box.Lan.pem has more than 1048576 bytes")
