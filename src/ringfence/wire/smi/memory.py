"""Which kind of memory a GPU of a name has: nvidia-smi does not say.

Source: the makers' data sheets. NVIDIA's notice on Rowhammer of July 2025 asks for ECC on those with GDDR6. Names in no
line here are not guessed: some GeForce cards of one name were sold with two kinds.
"""

import re

_KINDS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("gddr7", re.compile(r"\b(RTX PRO [0-9]{4}|RTX 50[0-9]{2})\b")),
    ("hbm", re.compile(r"\b(A30X?|A100X?|A800|H20|H100|H200|H800|GH200|B100|B200|B300|GB200|GB300|V100|P100)\b")),
    ("hbm", re.compile(r"\b(Quadro G[PV]100|Instinct|MI[0-9]{2,3}[AX]?)\b")),
    ("gddr6", re.compile(r"\b(A2|A10G?|A16|A40|T4G?|L4|L20|L40[GS]?|RTX A[0-9]{4})\b")),
    ("gddr6", re.compile(r"\b(RTX [0-9]{4} (SFF )?Ada|Quadro RTX [0-9]{4}|T400|T600|T1000|RTX (20|30)[0-9]{2})\b")),
    ("gddr5", re.compile(r"\b(P4|P40|M10|M40|M60|Quadro P[0-9]{3,4}|GTX 10[0-9]{2})\b")),
)


def memory_type(model: str) -> str:
    """`gddr6` (with GDDR6X of the same names), `gddr7`, `gddr5`, `hbm`; "" where the name does not tell.

    >>> memory_type("NVIDIA RTX A6000"), memory_type("NVIDIA A100-SXM4-80GB"), memory_type("NVIDIA GeForce RTX 4090")
    ('gddr6', 'hbm', '')
    """
    return next((kind for kind, names in _KINDS if names.search(model)), "")
