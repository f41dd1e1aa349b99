"""The checks: one file each, one line here each."""

from ringfence.assess.check import Check
from ringfence.assess.checks import (
    lustre_nodemap,
    nfs_exports,
    pickle_load,
    scheduler_auth,
    weights_readable,
)

CHECKS: tuple[Check, ...] = (
    nfs_exports.CHECK,
    lustre_nodemap.CHECK,
    weights_readable.CHECK,
    pickle_load.CHECK,
    scheduler_auth.CHECK,
)

CHECK: dict[str, Check] = {check.id: check for check in CHECKS}
"""By id."""
