"""
A stream of bytes, as TCP may cut it.
"""

from itertools import pairwise


def single(data: bytes) -> list[bytes]:
    """
    A segment for each byte.
    """
    return [data[at : at + 1] for at in range(len(data))]


def cut(data: bytes, at: list[int]) -> list[bytes]:
    """
    Segments that end at these places, empty ones among them.
    """
    places = [0, *sorted(place % (len(data) + 1) for place in at), len(data)]
    return [data[start:end] for start, end in pairwise(places)]
