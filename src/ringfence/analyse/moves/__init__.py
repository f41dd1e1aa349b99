"""What an attacker can do: one move a file, registered here by one line."""

from ringfence.analyse.moves import (
    auth_sys_impersonation,
    home_write_key,
    impersonate_data,
    impersonate_home,
    job_mounts,
    mount_as_client,
    no_root_squash,
    readable_data,
    server_root,
    storage_to_data,
    world_readable_data,
    writable_data,
)
from ringfence.analyse.rule import Move

MOVES: tuple[Move, ...] = (
    mount_as_client.MOVE,
    job_mounts.MOVE,
    server_root.MOVE,
    no_root_squash.MOVE,
    auth_sys_impersonation.MOVE,
    impersonate_data.MOVE,
    impersonate_home.MOVE,
    readable_data.MOVE,
    world_readable_data.MOVE,
    writable_data.MOVE,
    storage_to_data.MOVE,
    home_write_key.MOVE,
)
