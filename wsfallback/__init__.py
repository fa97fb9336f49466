"""
One TCP port for every WebSocket draft that was ever shipped, and plain HTTP beside it.
"""

from wsfallback.drafts.table import DRAFTS, Draft
from wsfallback.errors import (
    ChannelError,
    FrameError,
    HandshakeError,
    NotOpen,
    NotText,
    UnsupportedByDraft,
    WSFallbackError,
)
from wsfallback.handlers import MessageHandler
from wsfallback.interfaces import IFrameHandler, IMessageChannel, IMessageHandler
from wsfallback.policy import Limits
from wsfallback.server import FallbackServerFactory

__all__ = [
    "DRAFTS",
    "ChannelError",
    "Draft",
    "FallbackServerFactory",
    "FrameError",
    "HandshakeError",
    "IFrameHandler",
    "IMessageChannel",
    "IMessageHandler",
    "Limits",
    "MessageHandler",
    "NotOpen",
    "NotText",
    "UnsupportedByDraft",
    "WSFallbackError",
]

__version__ = "0.1.0"
