"""
RFC 6455: the server's half of the opening handshake.
"""

from twisted.trial.unittest import SynchronousTestCase

from wsfallback.drafts.rfc6455 import head


class HeadTests(SynchronousTestCase):
    """
    §4.2.2.
    """

    example = (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
    )
    key = b"dGhlIHNhbXBsZSBub25jZQ=="

    def test_example(self) -> None:
        """
        The example of §1.3.
        """
        self.assertEqual(
            head(self.key, "chat", None, ()),
            self.example + b"Sec-WebSocket-Protocol: chat\r\n\r\n",
        )

    def test_everything(self) -> None:
        """
        Subprotocol, extensions and the application's fields, in this order.
        """
        fields = (("Set-Cookie", "a=1"), ("Set-Cookie", "b=\xe9"))
        self.assertEqual(
            head(self.key, "chat", b"permessage-deflate", fields),
            self.example
            + b"Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: permessage-deflate\r\n"
            b"Set-Cookie: a=1\r\nSet-Cookie: b=\xe9\r\n\r\n",
        )

    def test_nothing(self) -> None:
        """
        What was not asked for is not answered.
        """
        self.assertEqual(head(self.key, None, None, ()), self.example + b"\r\n")
