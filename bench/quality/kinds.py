"""The kinds of attack that are replayed, and within what limits each is drawn: stealthy and loud.

Written before the detectors that they score. A pair is a uniform draw between its ends, three decimals; the draw is
by seed (`draw.py`), and the drawn files beside it are what counts: `tuning.json` to develop with, `scored-*.json` to
be judged by. A detector's author looks at the first and never at the others.
"""

from collections.abc import Mapping

Ranges = Mapping[str, tuple[float, float]]

HOURS = 3600.0

KINDS: Mapping[str, Mapping[str, Ranges]] = {
    # weights and data leave
    "weights_egress": {
        "stealthy": {"mbit_s": (30, 120), "share_of_model": (0.3, 1.0), "destinations": (1, 3)},
        "loud": {"mbit_s": (800, 4000), "share_of_model": (0.5, 1.0), "destinations": (1, 1)},
    },
    "slow_exfiltration": {
        "stealthy": {"share_of_model_per_day": (0.02, 0.08), "hours": (30, 48), "destinations": (3, 12)},
        "loud": {"share_of_model_per_day": (0.2, 0.6), "hours": (20, 36), "destinations": (1, 3)},
    },
    "exfiltration_over_used_service": {
        "stealthy": {"times_usual": (1.5, 3), "hours": (2, 6)},
        "loud": {"times_usual": (6, 20), "hours": (1, 3)},
    },
    "dns_tunnel": {
        "stealthy": {"queries_per_minute": (6, 20), "label_bytes": (30, 45), "hours": (3, 8)},
        "loud": {"queries_per_minute": (200, 1500), "label_bytes": (50, 62), "hours": (0.3, 1)},
    },
    "staged_on_node": {
        "stealthy": {"share_of_model": (0.05, 0.2), "pieces": (20, 80), "hours": (2, 6)},
        "loud": {"share_of_model": (0.6, 1.0), "pieces": (1, 6), "hours": (0.2, 0.6)},
    },
    # weights, checkpoints and data are read or changed
    "weights_read_by_non_member": {
        "stealthy": {"files": (1, 3), "minutes_apart": (20, 60)},
        "loud": {"files": (40, 200), "minutes_apart": (0.01, 0.1)},
    },
    "checkpoint_read_out_of_phase": {
        "stealthy": {"share_of_checkpoint": (0.1, 0.3), "mbit_s": (100, 400)},
        "loud": {"share_of_checkpoint": (0.8, 1.0), "mbit_s": (4000, 16000)},
    },
    "checkpoint_rewritten": {
        "stealthy": {"minutes_after": (30, 120), "files": (1, 1), "share_rewritten": (0.001, 0.01)},
        "loud": {"minutes_after": (5, 20), "files": (4, 16), "share_rewritten": (0.5, 1.0)},
    },
    "dataset_tampered": {
        "stealthy": {"files": (1, 3), "minutes_before_job": (60, 600)},
        "loud": {"files": (100, 800), "minutes_before_job": (10, 60)},
    },
    "credential_harvest": {
        "stealthy": {"files": (1, 2), "minutes_apart": (10, 40)},
        "loud": {"files": (20, 80), "minutes_apart": (0.01, 0.2)},
    },
    # a rank differs from its gang
    "rank_sends_more": {
        "stealthy": {"times_usual": (1.15, 1.4), "hours": (2, 6)},
        "loud": {"times_usual": (3, 8), "hours": (1, 3)},
    },
    "rank_runs_processes": {
        "stealthy": {"processes_per_hour": (4, 10), "hours": (3, 8)},
        "loud": {"processes_per_hour": (200, 900), "hours": (0.5, 2)},
    },
    "rank_slowed": {
        "stealthy": {"share_taken": (0.06, 0.12), "hours": (3, 8)},
        "loud": {"share_taken": (0.3, 0.6), "hours": (1, 4)},
    },
    "rank_reads_more": {
        "stealthy": {"times_usual": (1.3, 2), "hours": (2, 6)},
        "loud": {"times_usual": (6, 20), "hours": (1, 3)},
    },
    # accelerators are used for other things
    "mining_job": {
        "stealthy": {"nodes": (1, 1), "hours": (4, 10), "pool_minutes_apart": (2, 5), "utilization": (60, 80)},
        "loud": {"nodes": (4, 16), "hours": (3, 8), "pool_minutes_apart": (0.3, 1), "utilization": (97, 100)},
    },
    "mining_on_idle": {
        "stealthy": {"gpus": (1, 1), "hours": (2, 6), "utilization": (30, 60)},
        "loud": {"gpus": (8, 8), "hours": (2, 6), "utilization": (95, 100)},
    },
    "mining_in_job": {
        "stealthy": {"duty": (0.08, 0.15), "hours": (4, 10)},
        "loud": {"duty": (0.5, 0.9), "hours": (2, 6)},
    },
    "process_on_foreign_gpu": {
        "stealthy": {"processes": (1, 1), "minutes": (3, 8)},
        "loud": {"processes": (4, 16), "minutes": (30, 120)},
    },
    "gpu_setting_changed": {
        "stealthy": {"settings": (1, 1)},
        "loud": {"settings": (3, 6)},
    },
    "nvlink_without_job": {
        "stealthy": {"mib_s": (5, 30), "minutes": (10, 40)},
        "loud": {"mib_s": (2000, 20000), "minutes": (10, 60)},
    },
    "counter_side_channel": {
        "stealthy": {"samples_per_minute": (20, 60), "hours": (2, 5)},
        "loud": {"samples_per_minute": (2000, 10000), "hours": (0.5, 2)},
    },
    # moving about
    "cross_compartment_flow": {
        "stealthy": {"connections": (1, 2), "minutes_apart": (30, 90)},
        "loud": {"connections": (40, 300), "minutes_apart": (0.01, 0.5)},
    },
    "cross_compartment_rdma": {
        "stealthy": {"queue_pairs": (1, 1), "minutes": (5, 20)},
        "loud": {"queue_pairs": (16, 128), "minutes": (10, 60)},
    },
    "odd_traffic": {
        "stealthy": {"connections": (2, 5), "ports": (1, 1), "hours": (1, 4)},
        "loud": {"connections": (60, 400), "ports": (5, 30), "hours": (0.5, 2)},
    },
    "port_scan": {
        "stealthy": {"targets": (12, 30), "seconds_apart": (60, 240)},
        "loud": {"targets": (200, 1500), "seconds_apart": (0.005, 0.1)},
    },
    "lateral_chain": {
        "stealthy": {"hops": (2, 3), "minutes_apart": (40, 150)},
        "loud": {"hops": (4, 10), "minutes_apart": (0.5, 5)},
    },
    "stolen_key_login": {
        "stealthy": {"logins": (1, 1), "from_inside": (1, 1)},
        "loud": {"logins": (5, 30), "from_inside": (0, 0)},
    },
    "service_account_login": {
        "stealthy": {"logins": (1, 1)},
        "loud": {"logins": (6, 30)},
    },
    "reverse_shell": {
        "stealthy": {"minutes": (20, 90), "bytes_per_minute": (200, 2000)},
        "loud": {"minutes": (20, 90), "bytes_per_minute": (100000, 2000000)},
    },
    "metadata_service_access": {
        "stealthy": {"requests": (1, 1)},
        "loud": {"requests": (10, 60)},
    },
    "container_escape": {
        "stealthy": {"steps": (1, 1)},
        "loud": {"steps": (3, 8)},
    },
    "poisoned_image_start": {
        "stealthy": {"nodes": (1, 1), "downloads": (1, 1)},
        "loud": {"nodes": (8, 32), "downloads": (2, 5)},
    },
    "kernel_module_loaded": {
        "stealthy": {"modules": (1, 1), "signed": (1, 1)},
        "loud": {"modules": (1, 3), "signed": (0, 0)},
    },
    # the scheduler
    "job_as_somebody_else": {
        "stealthy": {"jobs": (1, 1)},
        "loud": {"jobs": (10, 60)},
    },
    "neighbour_hunting": {
        "stealthy": {"jobs": (8, 16), "minutes_apart": (15, 40)},
        "loud": {"jobs": (60, 300), "minutes_apart": (0.2, 2)},
    },
    "hold_up_by_reservation": {
        "stealthy": {"hosts": (1, 4)},
        "loud": {"hosts": (60, 300)},
    },
    # below the system, and the fabric
    "bmc_account_added": {
        "stealthy": {"accounts": (1, 1), "reboots": (0, 0)},
        "loud": {"accounts": (1, 3), "reboots": (2, 10)},
    },
    "firmware_replaced": {
        "stealthy": {"hosts": (1, 1)},
        "loud": {"hosts": (4, 16)},
    },
    "chassis_opened": {
        "stealthy": {"hosts": (1, 1)},
        "loud": {"hosts": (2, 6)},
    },
    "part_swapped": {
        "stealthy": {"parts": (1, 1)},
        "loud": {"parts": (2, 8)},
    },
    "cable_moved": {
        "stealthy": {"ports": (1, 1)},
        "loud": {"ports": (4, 16)},
    },
    "partition_tampered": {
        "stealthy": {"ports": (1, 1)},
        "loud": {"ports": (50, 400)},
    },
    "subnet_manager_takeover": {
        "stealthy": {"minutes": (1, 3)},
        "loud": {"minutes": (20, 90)},
    },
    # the telemetry itself
    "agent_silenced": {
        "stealthy": {"hosts": (1, 1), "minutes": (6, 15)},
        "loud": {"hosts": (20, 80), "minutes": (20, 120)},
    },
    "events_withheld": {
        "stealthy": {"share": (0.02, 0.06), "hours": (1, 3)},
        "loud": {"share": (0.5, 0.9), "hours": (1, 3)},
    },
    "events_forged": {
        "stealthy": {"events": (1, 3)},
        "loud": {"events": (500, 5000)},
    },
}
"""Kind → loudness → parameter → its limits."""
