"""A second verifier of evidence, written from RFC 9162 and the C2SP texts. It shares no code with the product.

Own Merkle recursion, own notes, Ed25519 by `cryptography`; JSON by the standard library.
"""

import base64
import hashlib
import json

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


class Wrong(Exception):
    """The evidence does not hold."""


def need(truth, what):
    if not truth:
        raise Wrong(what)


def b64(text):
    data = base64.b64decode(text, validate=True)
    need(base64.b64encode(data).decode() == text, "base64 has one spelling")
    return data


def sha(data):
    return hashlib.sha256(data).digest()


def leaf_hash(entry):
    return sha(b"\x00" + entry)


def tree_hash(leaves):
    """RFC 9162, 2.1.1."""
    if not leaves:
        return sha(b"")
    if len(leaves) == 1:
        return leaves[0]
    k = 1
    while k * 2 < len(leaves):
        k *= 2
    return sha(b"\x01" + tree_hash(leaves[:k]) + tree_hash(leaves[k:]))


def root_of_path(index, size, leaf, path):
    """The root that an inclusion proof leads to: the recursion of RFC 9162, 2.1.3.1 read backwards."""
    if size == 1:
        need(not path, "a proof with hashes left over")
        return leaf
    need(path, "a proof that is too short")
    k = 1
    while k * 2 < size:
        k *= 2
    if index < k:
        return sha(b"\x01" + root_of_path(index, k, leaf, path[:-1]) + path[-1])
    return sha(b"\x01" + path[-1] + root_of_path(index - k, size - k, leaf, path[:-1]))


def vkey(text, kind):
    """(name, key id, public key) of `name+id+base64`, as signed-note has it."""
    name, key_id, key = text.split("+", 2)
    data = b64(key)
    need(data[0] == kind and len(data) == 33, "a key of another type")
    found = sha(name.encode() + b"\n" + data)[:4]
    need(found.hex() == key_id, "a key whose id is not its own")
    return name, found, Ed25519PublicKey.from_public_bytes(data[1:])


def signature_lines(note):
    """(text, [(name, key id, signature)]) of a signed note."""
    at = note.rindex("\n\n")
    found = []
    need(note.endswith("\n"), "a note ends in a newline")
    for line in note[at + 2 : -1].split("\n"):
        dash, name, data = line.split(" ")
        need(dash == "\u2014", "a signature line begins with a dash")
        blob = b64(data)
        found.append((name, blob[:4], blob[4:]))
    return note[: at + 1], found


def holds(key, signature, message):
    try:
        key.verify(signature, message)
    except InvalidSignature:
        return False
    return True


def open_head(note, log, witnesses=()):
    """(origin, size, root, {witness: time}) of a checkpoint that the log signed; every line on it must be known."""
    text, signatures = signature_lines(note)
    name, key_id, key = vkey(log, 1)
    signed, times = False, {}
    others = [vkey(one, 4) for one in witnesses]
    for who, which, blob in signatures:
        if (who, which) == (name, key_id):
            need(holds(key, blob, text.encode()), "the log's signature")
            signed = True
            continue
        for other, other_id, other_key in others:
            if (who, which) == (other, other_id):
                when = int.from_bytes(blob[:8], "big")
                need(holds(other_key, blob[8:], f"cosignature/v1\ntime {when}\n{text}".encode()), "a cosignature")
                times[other] = when
                break
        else:
            raise Wrong(f"nobody knows {who}")
    need(signed, "the log has not signed it")
    need(len(times) == len(others), "a witness is missing")
    origin, size, root, *_ = text.split("\n")
    return origin, int(size), b64(root), times


def verify(data, log=""):
    """The journal's lines in a file of evidence, by index. Raises `Wrong`, or what the standard library raises."""
    file = json.loads(data)
    need(file["format"] == "ringfence-evidence/1", "another format")
    need(not log or file["key"] == log, "another key")
    origin, size, root, _ = open_head(file["checkpoint"], file["key"], file["witnesses"])
    need(origin == file["origin"], "another log")
    found = {}
    leaves = []
    for row in file["lines"]:
        entry = row["entry"].encode()
        leaf = leaf_hash(entry)
        need(b64(row["leaf"]) == leaf, f"line {row['index']}")
        leaves.append(leaf)
        if file["incident"]:
            need(root_of_path(row["index"], size, leaf, [b64(one) for one in row["proof"]]) == root, "a proof")
        need(0 <= row["index"] < size and row["index"] not in found, "an index")
        found[row["index"]] = json.loads(entry)
    if not file["incident"]:
        need(tree_hash(leaves) == root, "the lines are not those of the head")
    last = found[max(found)]
    told = last["detail"]
    need(last["what"] == "respond.exported", "the export does not say so")
    need(told["incident"] == file["incident"], "another incident")
    need(told["body"] == hashlib.sha256(file["body"].encode()).hexdigest(), "the incident")
    receipts = json.dumps(file["receipts"], separators=(",", ":"), ensure_ascii=False)
    need(told["receipts"] == hashlib.sha256(receipts.encode()).hexdigest(), "the receipts")
    indices = ",".join(str(one) for one in sorted(found)[:-1])
    need(told["indices"] == hashlib.sha256(indices.encode()).hexdigest(), "which lines")
    return found


def entries_of(journal, size):
    """The entries of a log, straight from its bundles (tlog-tiles)."""
    found = []
    for at in range(0, size, 256):
        width = min(256, size - at)
        number = f"{at // 256:03d}"
        full = journal / "tile" / "entries" / number
        file = full if full.exists() else full.with_name(f"{full.name}.p") / str(width)
        data, begin = file.read_bytes(), 0
        for _ in range(width):
            length = int.from_bytes(data[begin : begin + 2], "big")
            found.append(data[begin + 2 : begin + 2 + length])
            begin += 2 + length
    return found


def verify_journal(journal, log, heads=()):
    """A whole log from its bundles, and that each of these earlier heads was a head of it."""
    _, size, root, _ = open_head((journal / "checkpoint").read_text(), log)
    leaves = [leaf_hash(one) for one in entries_of(journal, size)]
    need(tree_hash(leaves) == root, "the entries are not those of the head")
    for head in heads:
        _, before, its, _ = open_head(head, log)
        need(before <= size and tree_hash(leaves[:before]) == its, f"the log does not continue the head of {before}")
    return size
