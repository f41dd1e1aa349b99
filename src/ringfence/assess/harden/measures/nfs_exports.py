"""What this host exports by NFS."""

from ringfence.assess.harden.measure import Edit, Measure, There, Told

_MORE = "/etc/exports.d/*.exports"

MEASURE = Measure(
    id="RF-X18",
    name="nfs_exports",
    title="Root of a node is not root of the file server",
    why="`no_root_squash` lets one rooted node write every dataset and plant setuid programs; `insecure` lets a user's "
    "own program be the client.",
    breaks="Installing as root over NFS; clients behind address translation (`insecure`).",
    needs=(There(("/etc/exports", _MORE), "this host exports folders"),),
    wants=(
        Edit("/etc/exports", "exports", check="exports", announce="exports"),
        Told(
            _MORE,
            r"\s*[^#\s].*\b(?:no_root_squash|insecure)\b.*",
            "an export has no_root_squash or insecure; take it out there, then `exportfs -ra`",
            never=True,
        ),
    ),
    never="A folder that everybody may write is not changed: whom it is for, only people know.",
    topic="storage",
    source="exports(5)",
)
