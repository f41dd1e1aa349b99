"""The checks: one file each, one line here each."""

from ringfence.assess.check import Check
from ringfence.assess.checks import (
    container_toolkit_flaws,
    dataset_writers,
    gpu_confidential,
    gpu_driver_flaws,
    gpu_driver_unsupported,
    gpu_ecc,
    gpu_firmware_flaws,
    gpu_operator_flaws,
    gpu_profiling,
    gpu_scrub,
    gpu_sharing_across_tenants,
    hand_over,
    hours_to_exfiltrate,
    lustre_nodemap,
    mig_across_tenants,
    nfs_exports,
    nvlink_across_tenants,
    pickle_load,
    scheduler_auth,
    upstream_writers,
    weights_readable,
)

CHECKS: tuple[Check, ...] = (
    nfs_exports.CHECK,
    lustre_nodemap.CHECK,
    weights_readable.CHECK,
    pickle_load.CHECK,
    dataset_writers.CHECK,
    hours_to_exfiltrate.CHECK,
    upstream_writers.CHECK,
    hand_over.CHECK,
    gpu_driver_flaws.CHECK,
    gpu_driver_unsupported.CHECK,
    gpu_ecc.CHECK,
    mig_across_tenants.CHECK,
    nvlink_across_tenants.CHECK,
    gpu_scrub.CHECK,
    gpu_sharing_across_tenants.CHECK,
    gpu_profiling.CHECK,
    gpu_confidential.CHECK,
    container_toolkit_flaws.CHECK,
    gpu_operator_flaws.CHECK,
    gpu_firmware_flaws.CHECK,
    scheduler_auth.CHECK,
)

CHECK: dict[str, Check] = {check.id: check for check in CHECKS}
"""By id."""
