"""Words of what is told to people, on the screen and in files."""


def many(count: int, one: str, more: str = "") -> str:
    """A number and a noun; `more` where an s alone does not make the plural.

    >>> many(1, "jewel"), many(2000, "jewel"), many(2, "row is", "rows are")
    ('1 jewel', '2,000 jewels', '2 rows are')
    """
    return f"{count:,} {one if count == 1 else more or one + 's'}"
