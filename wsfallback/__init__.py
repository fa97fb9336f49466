"""
One TCP port for every WebSocket draft that was ever shipped, and plain HTTP beside it.
"""

from wsfallback.client import Client, connect
from wsfallback.drafts.table import DRAFTS, Draft
from wsfallback.endpoint import MessageFactory, WebSocketEndpoint
from wsfallback.errors import (
    AnswerError,
    Attempt,
    ChannelError,
    FrameError,
    HandshakeError,
    NoDraftWorked,
    NotOpen,
    NotText,
    SendQueueFull,
    UnsupportedByDraft,
    WSFallbackError,
)
from wsfallback.handlers import MessageHandler
from wsfallback.interfaces import IClientChannel, IFrameHandler, IMessageChannel, IMessageHandler
from wsfallback.policy import Limits
from wsfallback.rules import Rules
from wsfallback.server import FallbackServerFactory
from wsfallback.stream_client import StreamEndpoint

__all__ = [
    "DRAFTS",
    "AnswerError",
    "Attempt",
    "ChannelError",
    "Client",
    "Draft",
    "FallbackServerFactory",
    "FrameError",
    "HandshakeError",
    "IClientChannel",
    "IFrameHandler",
    "IMessageChannel",
    "IMessageHandler",
    "Limits",
    "MessageFactory",
    "MessageHandler",
    "NoDraftWorked",
    "NotOpen",
    "NotText",
    "Rules",
    "SendQueueFull",
    "StreamEndpoint",
    "UnsupportedByDraft",
    "WSFallbackError",
    "WebSocketEndpoint",
    "connect",
]

__version__ = "0.1.0"
