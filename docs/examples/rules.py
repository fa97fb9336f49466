"""
Kiosks of 2011 inside, everybody's browser outside, and an administrator.
"""

from embed import Echo
from twisted.internet import defer, endpoints, task

from wsfallback import FallbackServerFactory, Rules


def makeFactory(reactor):
    return FallbackServerFactory(
        Echo,
        # Everywhere, unless a path says otherwise.
        drafts=["rfc6455"],
        origins=["https://www.example.com"],
        hosts=["www.example.com", "10.0.0.5"],
        rules={
            # The kiosks' page is on their disks, and they are in one network.
            "/kiosk": Rules(
                drafts=["hixie-76", "rfc6455"],
                origins=["file://", "null"],
                legacyFrom=["10.0.0.0/8"],
            ),
            # A program of ours, which is no browser.
            "/feed": Rules(origins=["none"]),
        },
        reactor=reactor,
    )


async def main(reactor):
    await endpoints.serverFromString(reactor, "tcp:8080").listen(makeFactory(reactor))
    await defer.Deferred()


if __name__ == "__main__":
    task.react(main)
