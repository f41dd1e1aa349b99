"""The checks: one file each, one line here each."""

from ringfence.assess.check import Check
from ringfence.assess.checks import scheduler_auth

CHECKS: tuple[Check, ...] = (scheduler_auth.CHECK,)

CHECK: dict[str, Check] = {check.id: check for check in CHECKS}
"""By id."""
