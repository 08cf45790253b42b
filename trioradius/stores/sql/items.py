"""Items: rows of FreeRADIUS's tables for users, and what their operators do.

In its check role an item compares with the request, or puts something aside for the server (:=, +=). In its reply role
it changes the list of what will be sent. Both are done as FreeRADIUS 3 does them, exceptions included.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING, Any, Final

import attrs

from trioradius.attributes.datatypes import TEXT, NamedValue
from trioradius.errors import EncodeError
from trioradius.stores.sql.credentials import SERVER_PASSWORDS

if TYPE_CHECKING:
    from trioradius.attributes.attribute import AVP, Attribute
    from trioradius.attributes.dictionary import Dictionary
    from trioradius.protocol.packets import AccessRequest

OPERATORS: Final = frozenset((":=", "==", "=", "+=", "-=", "!=", ">", ">=", "<", "<=", "=~", "!~", "=*", "!*"))
_REGULAR: Final = ("=~", "!~")
_PRESENCE: Final = ("=*", "!*")
_SETTING: Final = (":=", "+=")
"""They always match, and put something aside."""
_APPENDED: Final = frozenset(("+=", ":=", "=", "<=", ">="))
"""Into a list that has none of the attribute."""
_NOT_COMPARED: Final = frozenset(
    ("crypt-password", "auth-type", "autz-type", "acct-type", "session-type", "strip-user-name")
)
"""What is for the server whatever its operator is."""
_OF_THE_SOURCE: Final = ("packet-src-ip-address", "client-ip-address")
GROUP: Final = "sql-group"
_INCOMPARABLE: Final = 2
"""What _order() gives for two networks beside each other."""


@attrs.frozen
class Item:
    """One row: an attribute, an operator and a value.

    ``attribute`` is None where only a server knows such a thing (Auth-Type, Simultaneous-Use...); ``avp`` is the value
    for the wire, None where there is none, or where it is a pattern.
    """

    name: str
    operator: str
    text: str = attrs.field(repr=False)
    attribute: Attribute[Any] | None = attrs.field(default=None, repr=False)
    avp: AVP | None = attrs.field(default=None, repr=False)

    @property
    def key(self) -> object:
        """What two items of one attribute have in common."""
        return self.attribute.key if self.attribute is not None else self.name.lower()


def read_item(dictionary: Dictionary, name: str | None, operator: str | None, value: str | None) -> Item:
    """The item of a row.

    Raises:
        EncodeError: no such operator, or a value that does not fit the attribute; nothing of the value is in it.
    """
    if not name or value is None:
        raise EncodeError("a row has no attribute or no value")
    operator = (operator or "==").strip()
    if operator not in OPERATORS:
        raise EncodeError(f"{name}: there is no operator {operator!r}")
    text = _unquoted(name, value)
    # Most users have nothing but a password, and no dictionary has to be searched for it.
    attribute = None if name.lower() in SERVER_PASSWORDS else dictionary.get(name.partition(":")[0])
    if attribute is None or operator in _REGULAR or operator in _PRESENCE:
        return Item(name, operator, text, attribute)
    try:
        return Item(name, operator, text, attribute, dictionary.avp(name, text))
    except EncodeError:
        pass
    # Raised out here, so that a password is in no exception's context.
    raise EncodeError(f"{name}: the value does not fit its type, {attribute.datatype.name}")


def _unquoted(name: str, value: str) -> str:
    """A value that is quoted as a whole loses the quotes; one in backticks would run a program."""
    if len(value) < 2 or value[0] != value[-1] or value[0] not in "'\"`":
        return value
    if value[0] == "`":
        raise EncodeError(f"{name}: a value in backticks is a program to run, which is not done here")
    return value[1:-1]


def matches(items: Iterable[Item], request: AccessRequest, groups: Iterable[str]) -> bool:
    """Whether all that compares does: for each item one value of its attribute that fits is enough."""
    return all(_matches(item, request, groups) for item in items)


def _matches(item: Item, request: AccessRequest, groups: Iterable[str]) -> bool:
    name = item.name.lower()
    if item.operator in _SETTING or name in _NOT_COMPARED:
        return True
    values = _values(item, name, request, groups)
    if name == "user-password" and not values:
        # Such a request proves itself by other means.
        return True
    if item.operator == "!*":
        return not values
    if name == GROUP:
        return (item.text in values) is (item.operator != "!=")
    return any(_fits(item, value) for value in values)


def _values(item: Item, name: str, request: AccessRequest, groups: Iterable[str]) -> tuple[Any, ...]:
    """What a request has to compare with; of a tag, only what has it."""
    if name == GROUP:
        return tuple(groups)
    if name in _OF_THE_SOURCE:
        return (request.source.address,) if request.source is not None else ()
    if item.attribute is None:
        return ()
    return request.all(item.attribute, tag=item.avp.tag if item.avp is not None and item.avp.tag else None)


def _fits(item: Item, value: object) -> bool:
    if item.operator == "=*":
        return True
    if item.operator in _REGULAR:
        pattern = _pattern(item.text)
        if pattern is None:
            return False
        return (pattern.search(_shown(item, value)) is not None) is (item.operator == "=~")
    return _COMPARISONS[item.operator](_order(value, item.text if item.avp is None else item.avp.value))


_COMPARISONS: Final[dict[str, Callable[[int], bool]]] = {
    "==": lambda order: order == 0,
    "=": lambda order: order == 0,
    "-=": lambda order: order == 0,
    "!=": lambda order: order != 0,
    "<": lambda order: order == -1,
    ">": lambda order: order == 1,
    "<=": lambda order: order in (-1, 0),
    ">=": lambda order: order in (0, 1),
}


def _order(held: Any, wanted: Any) -> int:
    """-1, 0 or 1, as what is held is less than, equal to or more than what is wanted."""
    if isinstance(held, IPv4Network | IPv6Network):
        return _order_of_networks(held, wanted)
    if isinstance(held, bytes) and len(held) != len(wanted):
        return 1
    return int(held > wanted) - int(held < wanted)


def _order_of_networks(held: Any, wanted: Any) -> int:
    """A network within another is less than it."""
    if held == wanted:
        return 0
    if held.version != wanted.version:
        return _INCOMPARABLE
    return -1 if held.subnet_of(wanted) else 1 if held.supernet_of(wanted) else _INCOMPARABLE


@functools.lru_cache(maxsize=1024)
def _pattern(text: str) -> re.Pattern[str] | None:
    """A regular expression, found anywhere in a value; one that is none matches nothing."""
    try:
        return re.compile(text)
    except re.error:
        return None


def _shown(item: Item, value: object) -> str:
    """A value as a pattern sees it: the name where it has one."""
    if isinstance(value, NamedValue):
        return value.name
    if item.attribute is None or item.attribute.datatype is TEXT:
        return str(value)
    return item.attribute.datatype.show(value)


def merge(into: list[Item], items: Iterable[Item]) -> None:
    """Change a list by items, each as its operator says.

    += appends. := takes the place of the first of its attribute, = does nothing where there is one, and both append
    where there is none. -= removes those that are equal, == those that are not, !* all. <= and >= replace what goes
    beyond, and append where there is none. Items see those that were in the list before, not each other.
    """
    if not into:
        into.extend(item for item in items if item.operator in _APPENDED)
        return
    held: list[Item | None] = list(into)
    is_new = [False] * len(held)
    appended = []
    for item in items:
        same = [at for at, other in enumerate(held) if other is not None and not is_new[at] and other.key == item.key]
        if item.operator == "+=" or (not same and item.operator in _APPENDED):
            appended.append(item)
        elif item.operator == ":=":
            held[same[0]], is_new[same[0]] = item, True
        else:
            _edit(held, is_new, same, item)
    into[:] = [item for item in held if item is not None] + appended


def _edit(held: list[Item | None], is_new: list[bool], same: list[int], item: Item) -> None:
    for at in same:
        other = held[at]
        order = _order(*_comparable(other, item)) if other is not None else 0
        if item.operator == "!*" or (item.operator == "-=" and order == 0) or (item.operator == "==" and order != 0):
            held[at] = None
        elif (item.operator == "<=" and order == 1) or (item.operator == ">=" and order == -1):
            held[at], is_new[at] = item, True
            return


def _comparable(one: Item, other: Item) -> tuple[Any, Any]:
    if one.avp is not None and other.avp is not None:
        return one.avp.value, other.avp.value
    if one.text.isdecimal() and other.text.isdecimal():
        return int(one.text), int(other.text)
    return one.text, other.text
