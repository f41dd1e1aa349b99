"""What is asked of a live Slurm: read-only commands, files, and secrets as hashes."""

from ringfence.collect.probe import HashFile, Probe, Question, ReadFile

_ASSOC = "format=Cluster,Account,User,Partition,ParentName,Share,QOS,DefaultQOS"

QUESTIONS: tuple[Question, ...] = (
    Probe("slurm/sinfo.json", ("sinfo", "--json"), "head", 60),
    Probe("slurm/squeue.json", ("squeue", "--json"), "head", 60),
    Probe("slurm/nodes.txt", ("scontrol", "-o", "show", "node"), "head", 60),
    Probe("slurm/partitions.txt", ("scontrol", "-o", "show", "partition"), "head"),
    Probe("slurm/config.txt", ("scontrol", "show", "config"), "head"),
    Probe("slurm/associations.txt", ("sacctmgr", "-P", "show", "assoc", _ASSOC), "head", 60),
    Probe("slurm/users.txt", ("sacctmgr", "-P", "show", "user", "WithCoord", "format=User,Admin,Coord"), "head", 60),
    Probe("slurm/accounts.txt", ("sacctmgr", "-P", "show", "account", "WithCoord", "format=Account,Coord"), "head", 60),
    Probe(
        "slurm/sreport.txt",
        ("sreport", "-P", "-t", "Hours", "-T", "gres/gpu", "cluster", "AccountUtilizationByUser", "start=now-30days"),
        "head",
        120,
    ),
    ReadFile("slurm/", "/etc/slurm/slurm.conf", "head"),
    ReadFile("slurm/{source}", "/opt/slurm/etc/slurm.conf", "head"),
    ReadFile("slurm/{source}", "/etc/slurm-llnl/slurm.conf", "head"),
    ReadFile("slurm/{source}", "/cm/shared/apps/slurm/etc/slurm.conf", "head"),
    ReadFile("slurm/{source}", "/cm/shared/apps/slurm/etc/*/slurm.conf", "head"),
    ReadFile("slurm/", "/etc/slurm/*.conf.d/*.conf", "head"),
    ReadFile("slurm/", "/etc/slurm/topology.conf", "head"),
    ReadFile("slurm/", "/etc/slurm/topology.yaml", "head"),
    ReadFile("slurm/", "/etc/slurm/cgroup.conf", "head"),
    ReadFile("hosts/{host}/", "/etc/slurm/cgroup.conf"),
    ReadFile("hosts/{host}/", "/etc/slurm/gres.conf"),
    HashFile("hosts/{host}/munge.hash", "/etc/munge/munge.key"),
    HashFile("hosts/{host}/slurm-key.hash", "/etc/slurm/slurm.key"),
    HashFile("hosts/{host}/slurm-jwt.hash", "/etc/slurm/jwt*.key"),
    HashFile("hosts/{host}/slurmdbd.hash", "/etc/slurm/slurmdbd.conf", "head"),
)
"""`sinfo --json` lists nodes one by one up to 23.02, groups of them since: hence nodes.txt as well."""
