"""The capture script: the same questions as `collect --live`, as POSIX shell that a person can read.

        QUESTIONS of every collector ─▶ capture_script() ─▶ sh ─▶ folder ─▶ collect --from

It runs read-only commands with a time limit, copies configuration with passwords struck out, keeps
of command lines only what `collect.keep` allows, and of secrets takes mode, owner and a salted hash.
The salt is made once per capture and lies in it, as `salt`; give it to the other nodes (`-s FILE`) so
that equal secrets match.
"""

import re
import shlex
from collections.abc import Iterable

from ringfence.collect.keep import KEEP
from ringfence.collect.probe import FOLLOWED, HashFile, Probe, Question, ReadFile

_PATH = re.compile(r"(?:[\w.+-]|\{host\}|\{source\}|/)+")
_GLOB = re.compile(r"/[\w./*?@+\[\]!{}-]*")

_HEAD = r"""#!/bin/sh
# Ringfence capture: what this machine says about itself, for `ringfence collect --from FOLDER`.
#
#   sh capture.sh [-o FOLDER] [-s SALT]
#
# It only reads: no command below changes anything, and each has a time limit.
# It never copies a secret: of keys it writes mode, owner and a salted hash, and in
# configuration files it strikes out passwords, tokens and private keys. Of cron tables, systemd
# units, Jupyter's configuration and the kernel's command line it keeps only the few words that
# the keep_ functions below name: programs without their arguments, switches without values.
# Run it as root on one node of each class; without root it captures less and says so.
# On the second and further nodes give the same folder again, or the first one's salt:
#   sh capture.sh -s ringfence-capture/salt
# ROOT=/some/prefix reads files below a prefix instead of /.
set -eu
umask 077
LC_ALL=C
export LC_ALL
root=${ROOT:-}
out=ringfence-capture
given=
while getopts o:s: option; do
    case $option in
        o) out=$OPTARG ;;
        s) given=$OPTARG ;;
        *) echo "usage: sh capture.sh [-o FOLDER] [-s SALT]" >&2; exit 2 ;;
    esac
done
if [ -e "$out" ] && [ ! -f "$out/salt" ]; then
    echo "$out is there and is no capture; name a new folder with -o" >&2
    exit 2
fi
mkdir -p "$out"
if [ -n "$given" ] && [ ! -f "$out/salt" ]; then
    cp "$given" "$out/salt"
fi
[ -f "$out/salt" ] || { head -c 16 /dev/urandom | od -An -tx1 | tr -d ' \n'; echo; } >"$out/salt"
salt=$(tr -d ' \n' <"$out/salt")
host=$(uname -n | cut -d. -f1 | tr -cd 'A-Za-z0-9_-')
[ -n "$host" ] || host=unnamed
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM

say() {
    printf '%s\n' "$*" >&2
    [ -s "$out/capture.log" ] || echo "ringfence capture log" >"$out/capture.log"
    printf '%s\n' "$*" >>"$out/capture.log"
}

# strikes out values of passwords, tokens and keys, passwords in addresses, and private keys
struck() {
    words='([Pp][Aa][Ss][Ss]([Ww][Oo][Rr][Dd]|[Ww][Dd]|[Pp][Hh][Rr][Aa][Ss][Ee])?|[Ss][Ee][Cc][Rr][Ee][Tt]|[Tt][Oo][Kk][Ee][Nn]|[Aa][Pp][Ii][_-]?[Kk][Ee][Yy]|[Aa][Cc][Cc][Ee][Ss][Ss][_-]?[Kk][Ee][Yy]|[Pp][Rr][Ii][Vv][Aa][Tt][Ee][_-]?[Kk][Ee][Yy]|[Cc][Rr][Ee][Dd][Ee][Nn][Tt][Ii][Aa][Ll][Ss]?)[A-Za-z0-9_.-]*'
    sed -E \
        -e '/-----BEGIN [A-Z ]*PRIVATE KEY/,/-----END/s/.*/REDACTED/' \
        -e "s/($words[\"']?[[:space:]]*[=:][[:space:]]*)\"[^\"]+\"/\1\"REDACTED\"/g" \
        -e "s/($words[\"']?[[:space:]]*[=:][[:space:]]*)'[^']+'/\1'REDACTED'/g" \
        -e "s/($words[\"']?[[:space:]]*=[[:space:]]*)[^]\"'[:space:],;=[{][^\"'[:space:],;]*/\1REDACTED/g" \
        -e "/\"|PASSWD:/!s/($words[\"']?:[[:space:]]+)[^]\"'[:space:],;[{&*|>][^[:space:]]*/\1REDACTED/g" \
        -e 's#://[^/@:[:space:]"]+:[^/@[:space:]"]+@#://REDACTED@#g' \
        -e 's/(bindpw|rootpw)([[:space:]=]+)[^[:space:]]+/\1\2REDACTED/g' \
        -e 's/(authtok[[:space:]]*=[[:space:]]*)[^[:space:]]+/\1REDACTED/g' \
        -e 's/("auth"[[:space:]]*:[[:space:]]*)"[^"]+"/\1"REDACTED"/g' \
        -e 's/(name="[^"]*(pass|secret|token|key)[^"]*"[[:space:]]+value=)"[^"]+"/\1"REDACTED"/g' \
        -e 's#([Bb]earer|[Bb]asic)[[:space:]]+[A-Za-z0-9._~+/=-]{16,}#\1 REDACTED#g' \
        -e 's/(--?(password|pass|token|secret|api-key|access-key)[[:space:]]+)[^[:space:]"-][^[:space:]"]*/\1REDACTED/g'
}

sha256() {
    if command -v sha256sum >/dev/null 2>&1; then sha256sum
    elif command -v shasum >/dev/null 2>&1; then shasum -a 256
    else openssl dgst -sha256 -r
    fi | cut -c1-64
}

# ask SECONDS PATH COMMAND...: run a read-only command, keep what it says
ask() {
    seconds=$1; path=$2; shift 2
    command -v "$1" >/dev/null 2>&1 || return 0
    status=0
    if command -v timeout >/dev/null 2>&1; then
        timeout -k 5 "$seconds" "$@" </dev/null >"$scratch/answer" 2>/dev/null || status=$?
    else
        "$@" </dev/null >"$scratch/answer" 2>/dev/null || status=$?
    fi
    # find says 1 when some folders are not there; what it listed is still true
    shown=$(printf %s "$*" | tr '\n' ' ' | cut -c1-80)
    if [ ! -s "$scratch/answer" ] || { [ "$status" -ne 0 ] && [ "$1" != find ]; }; then
        [ "$status" -eq 0 ] || say "no answer ($status): $shown"
        return 0
    fi
    say "asked: $shown"
    mkdir -p "$out/${path%/*}"
    head -c 67108864 <"$scratch/answer" | struck >"$out/$path"
}

# place KIND PATH FILE: where a copied file lands
place() {
    case $1 in
        folder) target=$2${3##*/} ;;
        tree) target=$2${3#"$root"/} ;;
        *) target=$2 ;;
    esac
}

# plain FILE: no link, or one of root's below system folders that leads to a plain file of root's
plain() {
    [ -L "$1" ] || { [ -f "$1" ]; return; }
    case ${1#"$root"} in
        @FOLLOWED@) [ -f "$1" ] && [ "$(stat -c %u "$1")" = 0 ] && [ "$(stat -L -c %u "$1")" = 0 ] && return 0 ;;
    esac
    say "link not followed: $1"
    return 1
}

# copy FILTER KIND PATH FILE...: keep of plain files what the filter lets through
copy() {
    filter=$1; kind=$2; path=$3; shift 3
    for file in "$@"; do
        plain "$file" || continue
        if [ ! -r "$file" ]; then say "not readable: $file"; continue; fi
        place "$kind" "$path" "$file"
        mkdir -p "$out/${target%/*}"
        if ! head -c 67108864 <"$file" | "$filter" >"$out/$target"; then
            rm -f "$out/$target"; say "not copied, $filter failed: $file"
        elif [ "$filter" != struck ] && [ ! -s "$out/$target" ]; then
            rm -f "$out/$target"; say "nothing to keep ($filter): $file"
        else
            say "copied: $file"
        fi
    done
}

# hash KIND PATH FILE...: mode, owner, salted hash and path of a secret, never the secret
hash() {
    kind=$1; path=$2; shift 2
    for file in "$@"; do
        if [ -L "$file" ]; then say "link not followed: $file"; continue; fi
        [ -f "$file" ] || continue
        if [ ! -r "$file" ]; then say "not readable: $file"; continue; fi
        place "$kind" "$path" "$file"
        mkdir -p "$out/${target%/*}"
        digest=$({ printf %s "$salt"; cat "$file"; } | sha256)
        mode=$(stat -c %a "$file"); owner=$(stat -c %U "$file")
        printf '%04d %s sha256:%s %s\n' "$mode" "$owner" "$digest" "${file#"$root"}" >>"$out/$target"
        say "hashed: $file"
    done
}

"""

_TAIL = r"""
say "done: $out (copy the whole folder; it names weak points, keep it private)"
"""

_TITLES = {
    "node": "Every node",
    "head": "The scheduler's controller",
    "fabric": "The subnet manager's host",
    "kube": "Where kubectl works",
    "storage": "File servers",
}


def capture_script(questions: Iterable[Question]) -> str:
    """A POSIX shell script that asks the questions and writes a capture folder.

    Questions for other kinds of machine cost nothing: a tool that is not installed is passed over.
    Raises `ValueError` for a path or glob that could break out of its line: a fault of ours.
    """
    asked = tuple(dict.fromkeys(questions))
    parts = [_HEAD.replace("@FOLLOWED@", "|".join(f"{folder}*" for folder in FOLLOWED)) + _filters()]
    for where in dict.fromkeys(("node", *(question.where for question in asked))):
        lines = [_line(question) for question in asked if question.where == where]
        if lines:
            parts.append(f"\n# {_TITLES.get(where, where)}\n" + "".join(f"{line}\n" for line in lines))
    hashed = sorted({_landing(question.path)[1] for question in asked if isinstance(question, HashFile)})
    fresh = "".join(f'rm -f "$out/{path}"\n' for path in hashed if not path.endswith("/"))
    return (
        parts[0]
        + "# a second run on the same node begins its lists of hashes anew\n"
        + fresh
        + "".join(parts[1:])
        + _TAIL
    )


def _filters() -> str:
    return "".join(
        f"# only what a reader needs of a {name} file\n"
        f"keep_{name}() {{\n    tr -d '\\000\\015' | awk '{keep.awk}'\n}}\n\n"
        for name, keep in KEEP.items()
    )


def _line(question: Question) -> str:
    kind, path = _landing(question.path)
    if isinstance(question, Probe):
        command = " ".join(shlex.quote(word) for word in question.argv)
        return f'ask {int(question.timeout_s)} "{path}" {command}'
    if not _GLOB.fullmatch(question.glob):
        raise ValueError(f"not a plain glob: {question.glob!r}")
    if isinstance(question, ReadFile) and question.keep and question.keep not in KEEP:
        raise ValueError(f"not a filter: {question.keep!r}")
    verb = (
        "hash" if isinstance(question, HashFile) else f"copy keep_{question.keep}" if question.keep else "copy struck"
    )
    return f'{verb} {kind} "{path}" "$root"{question.glob}'


def _landing(path: str) -> tuple[str, str]:
    """(kind, path for the shell): a path that ends in `/` takes the file's name, `{source}` its whole path."""
    if not _PATH.fullmatch(path) or ".." in path:
        raise ValueError(f"not a plain capture path: {path!r}")
    placed = path.replace("{host}", "$host")
    if placed.endswith("{source}"):
        return "tree", placed.removesuffix("{source}")
    return ("folder" if placed.endswith("/") else "file"), placed
