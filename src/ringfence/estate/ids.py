"""How entity ids are written, in one place, so that all collectors agree.

Names come from captures, hence from attackers: every part is cleaned of control characters and
cut at 200 characters before it becomes part of an id.
"""

import hashlib
import hmac
import re

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]")
_LONGEST = 200


def clean(text: str) -> str:
    """Without control, bidirectional or surrogate characters; at most 200 characters."""
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text.strip())[:_LONGEST]


def host(name: str, site: str = "") -> str:
    """`host:gpu0001`: lower case, the short name (an address stays whole); `site/` before it if given."""
    return "host:" + host_name(name, site)


def host_name(name: str, site: str = "") -> str:
    """The part of a host's id after `host:`."""
    short = clean(name).lower()
    if not short.replace(".", "").isdigit() and ":" not in short:
        short = short.partition(".")[0]
    return f"{site}/{short}" if site else short


def gpu(uuid: str) -> str:
    """`gpu:GPU-3f…`; MIG instances keep their own `MIG-…` UUID."""
    return "gpu:" + clean(uuid)


def ibport(guid: str | int) -> str:
    """`ibport:0x7cfe900300a1b2c3`: 16 lower-case hexadecimal digits after `0x`."""
    number = guid if isinstance(guid, int) else int(guid.replace(":", ""), 16)
    return f"ibport:0x{number:016x}"


def nvlink(domain: str, clique: str | int = "") -> str:
    """`nvlink:<clusterUUID>/<clique>`, or `nvlink:<host>` for one host's own NVSwitches."""
    return f"nvlink:{clean(domain)}" + (f"/{clean(str(clique))}" if clique != "" else "")


def job(cluster: str, number: str | int) -> str:
    """`job:slurm/<cluster>/4711`."""
    return f"job:slurm/{clean(cluster)}/{clean(str(number))}"


def pkey(fabric: str, key: int) -> str:
    """`network:ib/<fabric>/0x7fff`: the 15-bit key, without the membership bit."""
    return f"network:ib/{clean(fabric)}/0x{key & 0x7FFF:04x}"


def fabric(name: str) -> str:
    """`network:ib/<fabric>`: a whole InfiniBand subnet."""
    return f"network:ib/{clean(name)}"


def storage(server: str, path: str, site: str = "") -> str:
    """`storage:nfs1:/export/home`, `storage:s3:weights`, `storage:lustre-scratch:/`.

    `server` is a host's name, or the platform where no host is named (`s3`, `lustre-<file system>`).
    """
    return f"storage:{host_name(server, site)}:{clean(path)}"


def service(host_entity: str, name: str, port: int | str = "") -> str:
    """`service:gpu0001/ssh:22`; `host_entity` is a `host:…`, `cluster:…` or other entity id."""
    owner = host_entity.partition(":")[2]
    return f"service:{owner}/{clean(name)}" + (f":{port}" if port != "" else "")


def of(kind: str, *parts: str) -> str:
    """`kind:part/part/…`, every part cleaned. For kinds without a rule of their own."""
    return f"{kind}:" + "/".join(clean(part) for part in parts)


def identity(name: str) -> str:
    """`identity:alice`: an account, the same on every host that knows the name."""
    return "identity:" + clean(name)


def group(name: str) -> str:
    """`identity:group/hpc`: a Unix group, as an identity that its members may act as."""
    return "identity:group/" + clean(name)


def subnet(text: str, site: str = "") -> str:
    """`network:10.0.0.0/16`; `text` is a subnet in the usual notation, `site/` before it if given."""
    return "network:" + (f"{clean(site)}/" if site else "") + clean(text)


def credential(family: str, secret: bytes, salt: bytes) -> str:
    """`credential:<family>/<salted hash>`: equal secrets of one estate get equal ids, the secret is gone.

    `salt` is the estate's own: ids of two estates collected with different salts never meet.
    """
    return f"credential:{family}/{hmac.new(salt, secret, hashlib.sha256).hexdigest()[:32]}"
