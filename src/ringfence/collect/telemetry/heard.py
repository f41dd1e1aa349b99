"""What came in: one line or message, who it is from, and of which form it is."""

import msgspec


class Heard(msgspec.Struct, frozen=True):
    """`source` is by where it came in, `syslog/10.0.0.5`, never by what it says of itself.

    `form` is a name of `wire.logs.FORMS`. `line` has no end; a line feed in it belongs to it.
    """

    source: str
    form: str
    line: bytes
