"""What a role permits, as patterns over `permits`: everything, what a wildcard stands for, or what has a name.

Collectors write `* *` for everything; facts from other tools may have any spelling of their platform: `*`, `*:*`,
`s3:*`, `* secrets`, `get *`. Whatever holds a wildcard names nothing: who may do more tomorrow may do it unnoticed.
"""

from ringfence.analyse.rule import Like

EVERYTHING = Like(r"\*|\*[:/ ]\*|\*[:/]\* \*")
"""Every verb on every resource, however it is spelled."""

UNNAMED = Like(r"[^*]*\*(?s:.*)")
"""Any wildcard, in the verb, the resource or the service."""

NAMED = Like(r"[^*]+")
"""A verb and a resource by their names."""
