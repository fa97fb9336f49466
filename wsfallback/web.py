"""
The files of a directory, over plain HTTP.
"""

import re
from typing import Any

from twisted.web.pages import notFound
from twisted.web.server import Request
from twisted.web.static import File

#: RFC 9110 §14.1.2, ASCII digits, and no more ranges than a client has a use for.
_RANGE = rb"[ \t]*([0-9]{1,18}-[0-9]{0,18}|-[0-9]{1,18})[ \t]*"
_RANGES = re.compile(rb"bytes=" + _RANGE + rb"(," + _RANGE + rb"){0,15}")


class Files(File):
    """
    Twisted's `File`, less two requests that it answers with a traceback or not at all.
    """

    def getChild(self, path: bytes, request: Request) -> Any:
        """
        No file has a NUL in its name.
        """
        if b"\0" in path:
            return notFound()
        return super().getChild(path, request)  # type: ignore[no-untyped-call]

    def render_GET(self, request: Request) -> Any:
        """
        A Range that can't be read is as none: RFC 9110 §14.2.
        """
        wanted = request.requestHeaders.getRawHeaders(b"range")
        if wanted and not (len(wanted) == 1 and _RANGES.fullmatch(wanted[0])):
            request.requestHeaders.removeHeader(b"range")
        return super().render_GET(request)  # type: ignore[no-untyped-call]

    render_HEAD = render_GET
