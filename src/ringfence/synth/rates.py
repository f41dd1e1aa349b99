"""How often things are misconfigured in a generated estate.

Each rate is a probability that the draw comes out wrong for one *unit*: the whole cluster, a
tenant, a host, an account. The defaults are estimates of ours for a cluster that is run with
ordinary care, not measurements; every one can be set. `SAFE` plants nothing.
"""

from collections.abc import Mapping

import msgspec

UNITS: Mapping[str, str] = {
    "default_pkey_full": "cluster",
    "sm_key_default": "cluster",
    "m_key_zero": "cluster",
    "constrain_devices_off": "cluster",
    "pam_adopt_missing": "cluster",
    "munge_key_readable": "cluster",
    "hook_on_writable_path": "cluster",
    "bmc_network_reachable": "cluster",
    "registry_open": "cluster",
    "compute_reaches_outside": "cluster",
    "hostbased_trust": "cluster",
    "umad_open": "rack",
    "toolkit_old": "rack",
    "runtime_open": "rack",
    "imex_shared": "domain",
    "domain_split": "domain",
    "bmc_default_password": "host",
    "no_root_squash": "storage",
    "sec_sys": "storage",
    "home_shared": "storage",
    "key_without_passphrase": "user",
    "home_key_readable": "user",
    "agent_forwarded": "user",
    "sudo_nopasswd": "user",
    "runtime_group": "user",
    "coordinator_spare": "tenant",
    "ray_open": "tenant",
    "jupyter_open": "tenant",
    "tracking_open": "tracking",
    "shared_partition": "tenant",
    "checkpoint_group_readable": "pipeline",
    "checkpoint_world_readable": "pipeline",
    "checkpoint_pickle": "pipeline",
    "dataset_writable": "pipeline",
    "pod_privileged": "pod",
}
"""What one draw of each rate is about."""


class Rates(msgspec.Struct, frozen=True):
    """Probabilities, 0 to 1, per unit (see `UNITS`)."""

    default_pkey_full: float = 0.25
    sm_key_default: float = 0.5
    m_key_zero: float = 0.5
    constrain_devices_off: float = 0.15
    pam_adopt_missing: float = 0.2
    munge_key_readable: float = 0.03
    hook_on_writable_path: float = 0.05
    bmc_network_reachable: float = 0.2
    registry_open: float = 0.15
    compute_reaches_outside: float = 0.3
    hostbased_trust: float = 0.15
    umad_open: float = 0.02
    toolkit_old: float = 0.05
    runtime_open: float = 0.002
    imex_shared: float = 0.3
    domain_split: float = 0.25
    bmc_default_password: float = 0.02
    no_root_squash: float = 0.1
    sec_sys: float = 0.5
    home_shared: float = 0.4
    key_without_passphrase: float = 0.4
    home_key_readable: float = 0.005
    agent_forwarded: float = 0.05
    sudo_nopasswd: float = 0.005
    runtime_group: float = 0.005
    coordinator_spare: float = 0.2
    ray_open: float = 0.04
    jupyter_open: float = 0.04
    tracking_open: float = 0.2
    shared_partition: float = 0.5
    checkpoint_group_readable: float = 0.3
    checkpoint_world_readable: float = 0.05
    checkpoint_pickle: float = 0.4
    dataset_writable: float = 0.1
    pod_privileged: float = 0.05

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"the rate {name} lies outside 0..1")


SAFE = Rates(**dict.fromkeys(UNITS, 0.0))
"""Nothing is misconfigured."""
