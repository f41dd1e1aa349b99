"""The reference page of the rules that ship, written from their own texts."""

from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from ringfence.app.watch.pack import texts
from ringfence.wire import safe

_HEAD = """<!-- Written by `make docs` from the rules of the pack. Do not edit. -->

# Rules

The Sigma rules that `ringfence watch` brings along, for what general rules do not know: Slurm, GPUs, InfiniBand,
NVLink, RDMA, management controllers, and weights. Their files lie below `src/ringfence/watch/pack`, each can be copied
and changed. What the level means: `informational` and `low` happen every week in honest work and count only beside
other signs, or in a correlation; `medium` is worth a look, `high` and `critical` are told at once.

A rule asks for the log source of its events by product and, where Sigma has one, category; the columns are those of
OCSF and of our extension (`wire/ocsf/columns.py`), for processes Sigma's own names. Technique ids are those of MITRE
ATLAS 5.6.0 (`ATLAS.yaml`) and of MITRE ATT&CK as SigmaHQ's rules tag them.
"""


def rules_page() -> str:
    """Every rule and correlation of the pack, by folder."""
    read = [(name, next(safe.yaml_documents(text.encode()))) for name, text in texts()]
    names = {said["id"]: name for name, said in read}
    parts = [_HEAD]
    for folder, some in groupby(read, key=lambda one: one[0].partition("/")[0]):
        parts.append(f"## {folder}\n")
        parts += [_section(name, said, names) for name, said in some]
    return "\n".join(parts)


def _section(name: str, said: Mapping[str, Any], names: Mapping[str, str]) -> str:
    lines = [f"### `{_bare(name)}`: {said['title']}\n", f"{' '.join(said['description'].split())}\n"]
    lines.append(f"- **Level**: {said['level']}. **Id**: `{said['id']}`")
    lines.append(f"- **Looks at**: {_source(said, names)}")
    lines.append(f"- **Honest causes**: {'; '.join(said['falsepositives'])}.")
    for title, ids in (("ATT&CK", _ids(said, "attack.t", "T")), ("ATLAS", _ids(said, "atlas.", ""))):
        if found := ", ".join(ids):
            lines.append(f"- **{title}**: {found}")
    return "\n".join(lines) + "\n"


def _source(said: Mapping[str, Any], names: Mapping[str, str]) -> str:
    correlation = said.get("correlation")
    if correlation is None:
        return ", ".join(f"{part} `{value}`" for part, value in said["logsource"].items())
    rules = ", ".join(f"`{_bare(names[one])}`" for one in correlation["rules"])
    group = ", ".join(f"`{one}`" for one in correlation.get("group-by", ()))
    return f"`{correlation['type']}` of {rules} within {correlation['timespan']}{f', by {group}' if group else ''}"


def _bare(name: str) -> str:
    return name.rpartition(".")[0]


def _ids(said: Mapping[str, Any], prefix: str, begin: str) -> Iterator[str]:
    yield from (begin + tag.removeprefix(prefix).upper() for tag in said["tags"] if tag.startswith(prefix))
