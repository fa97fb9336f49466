"""
The contract, on every draft.
"""

from twisted.trial.unittest import SynchronousTestCase

from tests.contract import HixieContract, HybiContract


class Hixie75ContractTests(HixieContract, SynchronousTestCase):
    """
    hixie-75.
    """

    draft = "hixie-75"


class Hixie76ContractTests(HixieContract, SynchronousTestCase):
    """
    hixie-76.
    """

    draft = "hixie-76"


class Hybi07ContractTests(HybiContract, SynchronousTestCase):
    """
    hybi-07.
    """

    draft = "hybi-07"


class Hybi10ContractTests(HybiContract, SynchronousTestCase):
    """
    hybi-08 to -12.
    """

    draft = "hybi-10"


class RFC6455ContractTests(HybiContract, SynchronousTestCase):
    """
    hybi-13 to -17 and RFC 6455.
    """

    draft = "rfc6455"
