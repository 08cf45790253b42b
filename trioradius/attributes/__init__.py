"""What an attribute is: typed names, data types (RFC 8044), and dictionaries in FreeRADIUS' format.

Every attribute of the IETF is here by its name without hyphens: ``from trioradius.attributes import UserName``. A
vendor's are in its module: ``from trioradius.attributes.mikrotik import MikrotikRateLimit``.
"""

from trioradius.attributes import ietf as ietf
from trioradius.attributes.attribute import AVP, Attribute, NamedValue, Vendor
from trioradius.attributes.dictionary import Dictionary
from trioradius.attributes.freeradius import read_dictionary
from trioradius.attributes.ietf import *  # noqa: F403

__all__ = ["AVP", "Attribute", "Dictionary", "NamedValue", "Vendor", "read_dictionary"]
__all__ += ietf.__all__
