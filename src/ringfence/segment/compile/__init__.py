"""Writers, one file per target: from the neutral policy to what a real enforcer reads.

Adding one is a file here, a line in `WRITERS`, a prover, a paragraph in docs/design/targets.md and a test.
"""

from collections.abc import Mapping

from ringfence.segment.compile.writer import Writer

WRITERS: Mapping[str, Writer] = {}
"""Every target by name."""
