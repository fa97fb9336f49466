"""
Who is here, and how many there may be.
"""

import gc
from typing import Any
from unittest import mock

from twisted.internet.task import Clock
from twisted.trial.unittest import SynchronousTestCase

from wsfallback import crowd
from wsfallback.addresses import networks
from wsfallback.crowd import Crowd, Place, Stage
from wsfallback.errors import HandshakeError
from wsfallback.policy import Limits

HERE = "tcp4:192.0.2.7:5"


class CrowdTestCase(SynchronousTestCase):
    """
    What these tests need.
    """

    def crowd(self, *trusted: str, **limits: Any) -> Crowd:
        """
        One on a clock.
        """
        self.clock = Clock()
        self.evicted: list[Place] = []
        return Crowd(Limits(**limits), networks(trusted), self.clock.seconds)

    def place(self, crowd: Crowd) -> Place:
        """
        One that notes when it is taken away.
        """
        test = self

        class Guest:
            def evict(self) -> None:
                test.evicted.append(place)
                # As protocols do that are given up.
                place.refused()

        place = crowd.place(Guest())
        return place

    def coming(self, crowd: Crowd, peer: str | None = None) -> Place:
        """
        A place that is taken.
        """
        place = self.place(crowd)
        place.comes()
        if peer is not None:
            place.isFrom(peer)
        return place

    def opened(self, crowd: Crowd) -> Place:
        """
        One of a connection that is open.
        """
        place = self.coming(crowd)
        place.opens()
        return place

    def assertRefused(self, status: int, do: Any, *arguments: Any) -> HandshakeError:
        """
        That this is refused so.
        """
        error: HandshakeError = self.assertRaises(HandshakeError, do, *arguments)
        self.assertEqual(error.status, status)
        return error


class OpenTests(CrowdTestCase):
    """
    How many are open.
    """

    def test_room(self) -> None:
        """
        There is for so many; who leaves makes some.
        """
        crowd = self.crowd(maxConnections=2)
        first, second = self.opened(crowd), self.coming(crowd)
        second.checkRoom()
        second.opens()
        third = self.coming(crowd)
        self.assertRefused(503, third.checkRoom)
        first.ends()
        third.checkRoom()

    def test_handshakesTakeNone(self) -> None:
        """
        Nor do the refused.
        """
        crowd = self.crowd(maxConnections=1)
        self.coming(crowd).asks()
        self.coming(crowd).refused()
        last = self.coming(crowd)
        last.checkRoom()

    def test_present(self) -> None:
        """
        All are counted, once, and counted out, once.
        """
        crowd = self.crowd()
        places = [self.coming(crowd) for _ in range(4)]
        places[0].opens()
        places[1].refused()
        places[2].asks()
        self.assertEqual(crowd.present, 4)
        for place in places * 2:
            place.ends()
        self.assertEqual(crowd.present, 0)

    def test_forgotten(self) -> None:
        """
        Who is gone without a word, as where somebody took the transport for himself, takes no
        place, and none of its address's.
        """
        crowd = self.crowd(maxConnections=1, maxPerAddress=1)
        place = self.coming(crowd, HERE)
        place.opens()
        del place
        gc.collect()
        self.assertEqual(crowd.present, 0)
        self.coming(crowd, HERE).checkRoom()


class HandshakeTests(CrowdTestCase):
    """
    How many are not open yet, and who has to go.
    """

    def test_longestWait(self) -> None:
        """
        A newcomer comes in, and who has waited longest goes.
        """
        crowd = self.crowd(maxHandshakes=3)
        first, second, third, fourth, fifth = (self.coming(crowd) for _ in range(5))
        self.assertEqual(self.evicted, [first, second])
        self.assertEqual(crowd.present, 3)
        self.assertEqual([third.stage, fourth.stage, fifth.stage], [Stage.WAITING] * 3)

    def test_openOnesStay(self) -> None:
        """
        However many come.
        """
        crowd = self.crowd(maxHandshakes=1)
        opened = [self.opened(crowd) for _ in range(3)]
        for _ in range(10):
            self.coming(crowd)
        self.assertEqual([place.stage for place in opened], [Stage.OPEN] * 3)
        self.assertEqual(len(self.evicted), 9)

    def test_refusedOnesGoFirst(self) -> None:
        """
        Who has an answer already needs the place least.
        """
        crowd = self.crowd(maxHandshakes=2)
        _, second = self.coming(crowd), self.coming(crowd)
        second.refused()
        self.coming(crowd)
        self.assertEqual(self.evicted, [second])

    def test_applicationsTime(self) -> None:
        """
        Who waits for the application stays; if all do, there is no room.
        """
        crowd = self.crowd(maxHandshakes=2)
        first, second = self.coming(crowd), self.coming(crowd)
        first.asks()
        third = self.coming(crowd)
        self.assertEqual(self.evicted, [second])
        third.asks()
        fourth = self.place(crowd)
        self.assertRefused(503, fourth.comes)
        fourth.refused()
        self.assertEqual(crowd.present, 3)
        # One more than there may be is in the door, however many come.
        fifth = self.place(crowd)
        self.assertRefused(503, fifth.comes)
        fifth.refused()
        self.assertEqual(self.evicted, [second, fourth])
        self.assertEqual(crowd.present, 3)
        # When it has decided it is the client's turn again.
        first.waits()
        self.coming(crowd)
        self.assertEqual(self.evicted, [second, fourth, fifth, first])
        self.assertEqual(crowd.present, 2)

    def test_waitsOnlyAfterAsking(self) -> None:
        """
        A decision that comes when all is over changes nothing.
        """
        crowd = self.crowd()
        for done in (Place.opens, Place.refused, Place.ends):
            place = self.coming(crowd)
            done(place)
            stage = place.stage
            place.waits()
            self.assertIs(place.stage, stage)


class AddressTests(CrowdTestCase):
    """
    How many of one address, and how often.
    """

    def test_atOnce(self) -> None:
        """
        429 for one more; another address has its own number.
        """
        crowd = self.crowd(maxPerAddress=2)
        first, _ = self.coming(crowd, HERE), self.coming(crowd, "tcp4:192.0.2.7:6")
        error = self.assertRefused(429, self.coming, crowd, HERE)
        self.assertEqual(error.fields, ())
        self.coming(crowd, "tcp4:192.0.2.8:5")
        first.opens()
        self.assertRefused(429, self.coming, crowd, HERE)
        first.ends()
        self.coming(crowd, HERE)

    def test_sites(self) -> None:
        """
        Of IPv6 a /64 is one.
        """
        crowd = self.crowd(maxPerAddress=1)
        self.coming(crowd, "tcp6:2001:db8:1:2::1:5")
        self.assertRefused(429, self.coming, crowd, "tcp6:2001:db8:1:2:ffff::1:5")
        self.coming(crowd, "tcp6:2001:db8:1:3::1:5")

    def test_notCounted(self) -> None:
        """
        Who has no address, and proxies, by which many come.
        """
        crowd = self.crowd("192.0.2.0/24", maxPerAddress=1, maxNewPerAddress=1)
        for peer in ("unix:/x", "unknown", HERE):
            for _ in range(3):
                self.coming(crowd, peer)

    def test_behindAProxy(self) -> None:
        """
        The client's address counts when it is known.
        """
        crowd = self.crowd("192.0.2.0/24", maxPerAddress=1)
        first, second = self.coming(crowd, HERE), self.coming(crowd, HERE)
        first.isFrom("tcp4:198.51.100.7:0")
        self.assertRefused(429, second.isFrom, "tcp4:198.51.100.7:0")
        second.ends()
        first.ends()
        self.coming(crowd, HERE).isFrom("tcp4:198.51.100.7:0")

    def test_newOnes(self) -> None:
        """
        So many a second, and at once, whether they stay or not; when to come again is told.
        """
        crowd = self.crowd(maxNewPerAddress=2)
        for _ in range(2):
            self.coming(crowd, HERE).ends()
        error = self.assertRefused(429, self.coming, crowd, HERE)
        self.assertEqual(error.fields, (("Retry-After", "1"),))
        self.coming(crowd, "tcp4:192.0.2.8:5")
        self.clock.advance(0.5)
        self.coming(crowd, HERE)
        self.assertRefused(429, self.coming, crowd, HERE)
        self.clock.advance(60)
        for _ in range(2):
            self.coming(crowd, HERE)
        self.assertRefused(429, self.coming, crowd, HERE)

    def test_nothingIsRemembered(self) -> None:
        """
        Who is gone, and may come as anybody, is forgotten; nothing waits for that.
        """
        crowd = self.crowd(maxPerAddress=5, maxNewPerAddress=5)
        for number in range(1000):
            self.coming(crowd, f"tcp4:10.0.{number >> 8}.{number & 255}:5").ends()
        self.assertEqual(len(crowd._sources), 1000)
        self.assertEqual(self.clock.getDelayedCalls(), [])
        self.clock.advance(1)
        last = self.coming(crowd, HERE)
        self.assertEqual(list(crowd._sources), ["192.0.2.7"])
        self.clock.advance(1)
        last.ends()
        self.assertEqual((crowd._sources, list(crowd._absent)), ({}, []))

    def test_withoutRates(self) -> None:
        """
        Then it is forgotten at once.
        """
        crowd = self.crowd(maxPerAddress=5)
        first, second = self.coming(crowd, HERE), self.coming(crowd, HERE)
        first.ends()
        self.assertEqual(list(crowd._sources), ["192.0.2.7"])
        second.ends()
        self.assertEqual(crowd._sources, {})

    def test_bound(self) -> None:
        """
        Of more addresses than that the first are forgotten early.
        """
        self.patch(crowd, "MAX_ABSENT", 3)
        present = self.crowd(maxNewPerAddress=1)
        stays = self.coming(present, HERE)
        for number in range(10):
            self.coming(present, f"tcp4:10.0.0.{number}:5").ends()
        self.assertEqual(len(present._sources), 4)
        self.assertRefused(429, self.coming, present, "tcp4:10.0.0.9:5")
        self.coming(present, "tcp4:10.0.0.1:5")
        self.assertRefused(429, self.coming, present, HERE)
        stays.ends()

    def test_offByDefault(self) -> None:
        """
        Nothing is asked, and nothing is kept.
        """
        crowd = self.crowd()
        with mock.patch("wsfallback.crowd.source", side_effect=AssertionError):
            for _ in range(100):
                self.coming(crowd, HERE)
        self.assertEqual(crowd._sources, {})
