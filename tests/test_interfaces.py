"""
The seam: both protocols have both sides.
"""

from twisted.internet.interfaces import IProtocol
from twisted.trial.unittest import SynchronousTestCase
from zope.interface.verify import verifyClass

from wsfallback import IMessageChannel, IMessageHandler
from wsfallback.hixie import HixieServerProtocol
from wsfallback.modern import ModernServerProtocol


class InterfaceTests(SynchronousTestCase):
    """
    Classes; instances are verified by the contract.
    """

    def test_protocols(self) -> None:
        """
        Each has every method of both, with its signature.

        Attributes are the instance's, and tentative here.
        """
        for protocol in (HixieServerProtocol, ModernServerProtocol):
            for interface in (IMessageHandler, IMessageChannel):
                verifyClass(interface, protocol)
            self.assertTrue(IProtocol.implementedBy(protocol))

    def test_everyMethodIsDescribed(self) -> None:
        """
        Interfaces are documentation: no member is without.
        """
        for interface in (IMessageHandler, IMessageChannel):
            for name in interface:
                self.assertIn("\n", interface[name].getDoc(), name)
