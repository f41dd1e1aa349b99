"""What is kept of files that may hold secrets anywhere: an allow-list, never a striking-out.

        file ─▶ keep ─▶ only words that a reader of ours needs ─▶ capture

Command lines of cron and systemd, the kernel's command line and Jupyter's configuration carry
passwords in forms that no list can foresee. So nothing is copied but what `KEEP` names. Each filter
is there twice, as Python for `collect --live` and as POSIX awk for the capture script, with the
same words and byte-equal output; a test holds them together.
"""

import re
from collections.abc import Callable, Iterator, Mapping

import msgspec

MOST_LINE = 65536
"""Longer lines are left out whole."""

KERNEL = (
    "iommu", "intel_iommu", "amd_iommu", "iommu.passthrough", "iommu.strict", "mitigations", "lockdown",
    "module.sig_enforce", "init_on_free", "nosmt", "pci",
)  # fmt: skip
"""Kernel parameters that are kept; any other may be a key."""

_APPS = ("ServerApp", "NotebookApp", "IdentityProvider", "PasswordIdentityProvider", "LabApp")
_KEYS = ("token", "password", "hashed_password", "ip", "port", "allow_root", "allow_remote_access")
_ADDRESSES = ("0.0.0.0", "*", "::", "::1", "127.0.0.1", "localhost")  # noqa: S104 - compared, never bound
_SECTIONS = ("Unit", "Service", "Timer", "Socket", "Path", "Install")
_EXEC = ("ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost", "ExecReload", "ExecCondition")
_ASKING = ("--anonymous-auth", "--anonymous-auth=true", "--anonymous-auth=false")
_WORDS = ("mlflow", "-m", "--app-name", "basic-auth", *_ASKING)
_SWITCH = "RAY_AUTH_MODE=token"
_OPTIONS = ("-x", "-c", "-f", "-e", "-r", "--report")
_BEFORE = ("&&", "||", "|", ";", "{", "(")
_INTERPRETER = "(^|/)(sh|bash|dash|ksh|zsh|perl|ruby|run-parts|nice|env|nohup|python[0-9.]*)$"
_PLAIN = "[A-Za-z0-9_.@+/-]"
_UNIT_HEAD = "[Unit]\nDescription=kept by the capture: accounts, types and programs\n"
_JUPYTER_HEAD = "# c.ServerApp.kept = only whether these are set\n"


class Keep(msgspec.Struct, frozen=True):
    """One filter: as a function of the file's bytes, and as an awk program without single quotes."""

    python: Callable[[bytes], bytes]
    awk: str


def kept(name: str, data: bytes) -> bytes:
    """What filter `name` lets through. Never raises for bad content; `KeyError` for an unknown filter."""
    return KEEP[name].python(data.translate(None, b"\0\r"))


def _lines(data: bytes) -> Iterator[str]:
    rows = data.decode("latin-1").split("\n")
    return iter(rows[:-1] if rows[-1] == "" else rows)


def _words(text: str) -> list[str]:
    return re.split("[ \t]+", text)


def _cron(data: bytes) -> bytes:
    return "".join(_cron_line(line) for line in _lines(data) if len(line) <= MOST_LINE).encode()


def _cron_line(line: str) -> str:
    """`* * * * * account program…`: the program of each command; what follows a quote is not looked at."""
    line = line.lstrip(" \t")
    cut = re.search("[\"'`$\\\\%]", line)
    if cut:
        line = re.sub("[^ \t]*\\Z", "", line[: cut.start()])
    words = _words(line)
    at = 1 if re.fullmatch("@[a-z]+", words[0]) else 5
    if at == 5 and not all(re.fullmatch("[0-9*,/A-Za-z-]+", word) for word in words[:5]):
        return ""
    if len(words) < at + 2 or not re.fullmatch("[a-z_][A-Za-z0-9_.-]*", words[at]):
        return ""
    out, fresh, following, before = "", True, False, ""
    for word in words[at + 1 :]:
        path = re.match(f"/{_PLAIN}+", word)
        option = before.startswith("-") and before not in _OPTIONS
        wanted = (fresh or following) and path and not option and not re.search("[<>]$", before)
        following = False
        if path and wanted and len(path[0]) > 2 and not re.match("/(dev|proc|sys)/", path[0]):
            out += " " + path[0]
            fresh, following = False, bool(re.search(_INTERPRETER, path[0]))
        if word in _BEFORE or word.endswith(";"):
            fresh = True
        before = word
    return f"* * * * * {words[at]}{out}\n" if out else ""


_CRON_AWK = r"""
length($0) > @LINE@ { next }
{
    line = $0; sub(/^[ \t]+/, "", line)
    if (match(line, /["`$\\%\047]/)) { line = substr(line, 1, RSTART - 1); sub(/[^ \t]*$/, "", line) }
    n = split(line, w, /[ \t]+/)
    at = w[1] ~ /^@[a-z]+$/ ? 2 : 6
    if (n < at + 1) next
    if (at == 6) for (i = 1; i < 6; i++) if (w[i] !~ /^[0-9*,\/A-Za-z-]+$/) next
    if (w[at] !~ /^[a-z_][A-Za-z0-9_.-]*$/) next
    out = ""; fresh = 1; following = 0; before = ""
    for (i = at + 1; i <= n; i++) {
        path = match(w[i], /^\/@PLAIN@+/) ? substr(w[i], 1, RLENGTH) : ""
        option = before ~ /^-/ && !index(" @OPTIONS@ ", " " before " ")
        wanted = (fresh || following) && path != "" && !option && before !~ /[<>]$/
        following = 0
        if (wanted && length(path) > 2 && path !~ /^\/(dev|proc|sys)\//) {
            out = out " " path; fresh = 0; following = path ~ /@INTERPRETER@/
        }
        if ((w[i] != "" && index(" @BEFORE@ ", " " w[i] " ")) || w[i] ~ /;$/) fresh = 1
        before = w[i]
    }
    if (out != "") print "* * * * * " w[at] out
}"""


def _unit(data: bytes) -> bytes:
    out, joined = _UNIT_HEAD, ""
    for line in _lines(data):
        if len(line) > MOST_LINE:
            joined = ""
        elif re.match("[ \t]*[#;]", line):
            continue
        elif line.endswith("\\"):
            joined += line[:-1] + " "
            joined = "" if len(joined) > MOST_LINE else joined
        else:
            out += _unit_line(joined + line)
            joined = ""
    return (out + _unit_line(joined)).encode()


def _unit_line(line: str) -> str:
    section = line.strip(" \t")
    if section[:1] == "[":
        return section + "\n" if section[1:-1] in _SECTIONS and section[-1] == "]" else ""
    key, equals, value = line.partition("=")
    key, value = key.strip(" \t"), value.strip(" \t")
    if not equals:
        return ""
    if key in ("User", "Group", "Type"):
        return f"{key}={value}\n" if re.fullmatch("[A-Za-z0-9_.%@-]+", value) else ""
    if key == "Environment":
        found = _SWITCH in _words(re.sub("[\"']", "", value))
        return f"Environment={_SWITCH}\n" if found else ""
    return f"{key}={program}\n" if key in _EXEC and (program := _program(value)) else ""


def _program(value: str) -> str:
    """The first word, a script after an interpreter, and fixed words that say how callers are asked."""
    words = _words(re.sub("\\A[-@:+!|]+[ \t]*", "", value))
    first = re.sub("[\"';]\\Z", "", re.sub("\\A[\"']", "", words[0]))
    if not re.fullmatch(f"{_PLAIN}+", first):
        return ""
    out = first
    for at, word in enumerate(words[1:]):
        script = at == 0 and re.search(_INTERPRETER, first) and re.fullmatch(f"/{_PLAIN}+", word)
        word = "--app-name" if word.startswith("--app-name=") else word
        out += " " + word if script or word in _WORDS else ""
    return out


_UNIT_AWK = r"""
function keep(line,    at, key, value, n, w, i, first, out, script) {
    gsub(/^[ \t]+|[ \t]+$/, "", line)
    if (line ~ /^\[/) { if (line ~ /^\[(@SECTIONS@)\]$/) print line; return }
    at = index(line, "="); if (!at) return
    key = substr(line, 1, at - 1); value = substr(line, at + 1)
    gsub(/^[ \t]+|[ \t]+$/, "", key); gsub(/^[ \t]+|[ \t]+$/, "", value)
    if (key == "User" || key == "Group" || key == "Type") {
        if (value ~ /^[A-Za-z0-9_.%@-]+$/) print key "=" value
        return
    }
    if (key == "Environment") {
        gsub(/["\047]/, "", value); n = split(value, w, /[ \t]+/)
        for (i = 1; i <= n; i++) if (w[i] == "@SWITCH@") { print key "=" w[i]; return }
        return
    }
    if (key !~ /^(@EXEC@)$/) return
    sub(/^[-@:+!|]+[ \t]*/, "", value); n = split(value, w, /[ \t]+/)
    first = w[1]; sub(/^["\047]/, "", first); sub(/["\047;]$/, "", first)
    if (first !~ /^@PLAIN@+$/) return
    out = first
    for (i = 2; i <= n; i++) {
        script = i == 2 && first ~ /@INTERPRETER@/ && w[i] ~ /^\/@PLAIN@+$/
        if (index(w[i], "--app-name=") == 1) w[i] = "--app-name"
        if (script || (w[i] != "" && index(" @WORDS@ ", " " w[i] " "))) out = out " " w[i]
    }
    print key "=" out
}
BEGIN { printf "%s", "@UNITHEAD@" }
length($0) > @LINE@ { joined = ""; next }
/^[ \t]*[#;]/ { next }
/\\$/ { joined = joined substr($0, 1, length($0) - 1) " "; if (length(joined) > @LINE@) joined = ""; next }
{ keep(joined $0); joined = "" }
END { keep(joined) }"""


def _cmdline(data: bytes) -> bytes:
    line = next(_lines(data), "")
    if not line or len(line) > MOST_LINE:
        return b""
    out = "BOOT_IMAGE="
    for word in _words(line):
        name, equals, value = word.partition("=")
        value = value.replace('"', "")
        if name in KERNEL and re.fullmatch("[A-Za-z0-9_.,:;@-]*", value):
            out += f" {name}{equals}{value}"
    return (out + "\n").encode()


_CMDLINE_AWK = r"""
NR == 1 && $0 != "" && length($0) <= @LINE@ {
    out = "BOOT_IMAGE="; n = split($0, w, /[ \t]+/)
    for (i = 1; i <= n; i++) {
        at = index(w[i], "="); name = at ? substr(w[i], 1, at - 1) : w[i]
        value = at ? substr(w[i], at + 1) : ""; gsub(/"/, "", value)
        if (name != "" && index(" @KERNEL@ ", " " name " ") && value ~ /^[A-Za-z0-9_.,:;@-]*$/)
            out = out " " name (at ? "=" : "") value
    }
    print out
}"""


def _jupyter(data: bytes) -> bytes:
    out, tree = _JUPYTER_HEAD, _Tree()
    form = ""
    for line in _lines(data):
        if len(line) > MOST_LINE:
            continue
        text = line.lstrip(" \t")
        form = form or ("" if not text else "json" if text[0] == "{" else "python")
        if form == "json":
            if not tree.feed(line):
                return (out + tree.out + "# the rest was not understood\n").encode()
        elif row := re.match(rf"[ \t]*c\.({'|'.join(_APPS)})\.({'|'.join(_KEYS)})[ \t]*=", line):
            out += _setting(row[1], row[2], line[row.end() :])
    return (out + tree.out).encode()


def _setting(app: str, key: str, value: str) -> str:
    """One setting with its value replaced by `'set'` or `''`; numbers, switches and usual addresses stay."""
    value = value.strip(" \t")
    if "#" in value and not re.search("[\"']", value):
        value = value.partition("#")[0].rstrip(" \t")
    value = re.sub("\\A[uUbBrR]+([\"'])", "\\1", value)
    if re.match("(''|\"\")[ \t]*(#.*)?\\Z", value):
        shown = "''"
    elif value in ("None", "null"):
        return ""
    elif key == "port" and re.fullmatch("[0-9]+", value) and len(value) < 6:
        shown = value
    elif re.match("allow_", key) and value in ("True", "true", "False", "false"):
        shown = "True" if value[1] == "r" else "False"
    elif key == "ip" and value[:1] in ("'", '"') and value[-1] == value[0] and value[1:-1] in _ADDRESSES:
        shown = f"'{value[1:-1]}'"
    else:
        shown = "'set'"
    return f"c.{app}.{key} = {shown}\n"


class _Tree:
    """Just enough JSON to tell an application's own keys from everything else, token by token."""

    def __init__(self) -> None:
        self.depth, self.app, self.key, self.colon, self.out = 0, "", "", False, ""

    def feed(self, line: str) -> bool:
        at = 0
        while at < len(line):
            found = re.compile(r'[ \t]+|"([^"\\]|\\.)*"|[][{}:,]|[^][{}",: \t]+').match(line, at)
            if not found:
                return False
            at = found.end()
            if found[0][0] not in " \t":
                self._take(found[0])
        return True

    def _take(self, word: str) -> None:
        mine = self.depth == 2 and self.colon and self.app in _APPS and self.key in _KEYS
        if word in "{[":
            if mine:
                self.out += _setting(self.app, self.key, word)
            if self.depth == 1:
                self.app = self.key if self.colon and word == "{" else ""
            self.depth, self.colon, self.key = self.depth + 1, False, ""
        elif word in "}]":
            self.depth, self.colon, self.key = self.depth - 1, False, ""
        elif word == ":":
            self.colon = True
        elif word == ",":
            self.colon, self.key = False, ""
        elif self.colon:
            if mine:
                self.out += _setting(self.app, self.key, word)
            self.colon = False
        else:
            self.key = word[1:-1] if word[0] == '"' else ""


_JUPYTER_AWK = r"""
function setting(app, key, value,    shown, inner) {
    gsub(/^[ \t]+|[ \t]+$/, "", value)
    if (value ~ /#/ && value !~ /["\047]/) sub(/[ \t]*#.*/, "", value)
    if (value ~ /^[uUbBrR]+["\047]/) sub(/^[uUbBrR]+/, "", value)
    if (value == "None" || value == "null") return ""
    inner = substr(value, 2, length(value) - 2); shown = "\047set\047"
    if (value ~ /^(\047\047|"")[ \t]*(#.*)?$/) shown = "\047\047"
    else if (key == "port" && value ~ /^[0-9]+$/ && length(value) < 6) shown = value
    else if (key ~ /^allow_/ && value ~ /^([Tt]rue|[Ff]alse)$/) shown = value ~ /^[Tt]/ ? "True" : "False"
    else if (key == "ip" && value ~ /^["\047]./ && substr(value, length(value)) == substr(value, 1, 1) &&
        inner != "" && inner !~ / / && index(" @ADDRESSES@ ", " " inner " ")) shown = "\047" inner "\047"
    return "c." app "." key " = " shown "\n"
}
function mine() { return depth == 2 && colon && app ~ /^(@APPS@)$/ && key ~ /^(@KEYS@)$/ }
function take(token) {
    if (token == "{" || token == "[") {
        if (mine()) printf "%s", setting(app, key, token)
        if (depth == 1) app = colon && token == "{" ? key : ""
        depth++; colon = 0; key = ""
    } else if (token == "}" || token == "]") { depth--; colon = 0; key = "" }
    else if (token == ":") colon = 1
    else if (token == ",") { colon = 0; key = "" }
    else if (colon) {
        if (mine()) printf "%s", setting(app, key, token)
        colon = 0
    } else key = token ~ /^"/ ? substr(token, 2, length(token) - 2) : ""
}
BEGIN { printf "%s", "@JUPYTERHEAD@"; depth = 0; colon = 0 }
length($0) > @LINE@ { next }
form == "" && /[^ \t]/ { form = $0 ~ /^[ \t]*\{/ ? "json" : "python" }
form == "json" {
    rest = $0
    while (rest != "") {
        if (!match(rest, /^([ \t]+|"([^"\\]|\\.)*"|[][{}:,]|[^][{}",: \t]+)/)) {
            print "# the rest was not understood"; exit
        }
        token = substr(rest, 1, RLENGTH); rest = substr(rest, RLENGTH + 1)
        if (token !~ /^[ \t]/) take(token)
    }
    next
}
match($0, /^[ \t]*c\.(@APPS@)\.(@KEYS@)[ \t]*=/) {
    name = substr($0, 1, RLENGTH); value = substr($0, RLENGTH + 1)
    gsub(/[ \t=]/, "", name); split(name, p, ".")
    printf "%s", setting(p[2], p[3], value)
}"""


def _filled(program: str) -> str:
    """The awk program with the words of the tables above in it."""
    values = {
        "LINE": str(MOST_LINE), "PLAIN": _PLAIN.replace("/", r"\/"), "INTERPRETER": _INTERPRETER.replace("/", r"\/"),
        "OPTIONS": " ".join(_OPTIONS), "BEFORE": " ".join(_BEFORE), "SECTIONS": "|".join(_SECTIONS),
        "EXEC": "|".join(_EXEC), "WORDS": " ".join(_WORDS), "SWITCH": _SWITCH, "KERNEL": " ".join(KERNEL),
        "APPS": "|".join(_APPS), "KEYS": "|".join(_KEYS), "ADDRESSES": " ".join(_ADDRESSES),
        "UNITHEAD": _UNIT_HEAD.replace("\n", r"\n"), "JUPYTERHEAD": _JUPYTER_HEAD.replace("\n", r"\n"),
    }  # fmt: skip
    for name, value in values.items():
        program = program.replace(f"@{name}@", value)
    return program.strip()


KEEP: Mapping[str, Keep] = {
    "cron": Keep(_cron, _filled(_CRON_AWK)),
    "unit": Keep(_unit, _filled(_UNIT_AWK)),
    "cmdline": Keep(_cmdline, _filled(_CMDLINE_AWK)),
    "jupyter": Keep(_jupyter, _filled(_JUPYTER_AWK)),
}
"""The filters by the name that a question gives in `keep`."""
