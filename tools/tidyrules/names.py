# SPDX-License-Identifier: MIT
"""Prefixes, header guards and the verbs of public functions."""

import re

from .tree import Finding, stem

CONTRIBUTING = "CONTRIBUTING.md"

# Things that public functions are about and that are neither a header's stem nor a public type.
OBJECTS = {
    "assert": "the failure hook of the assertion macros",
    "backend": "backends are known by name only",
}


def guards(tree):
    """Headers are guarded: THETIS_<STEM>_H, in the library's own THT_..<STEM>_H."""
    for path in tree.files:
        if not path.endswith((".h", ".hpp")):
            continue
        name = re.sub(r"\W", "_", stem(path)).upper()
        suffix = path.rsplit(".", 1)[1].upper()
        pattern = rf"\w*{name}_{suffix}"
        if path.startswith("include/thetis/"):
            pattern = rf"THETIS_{name}_{suffix}"
        elif path.startswith("src/"):
            pattern = rf"THT_(\w+_)?{name}_{suffix}"
        directives = [text.split() for _, text in tree.source(path).directives[:2]]
        if len(directives) < 2 or directives[0][0] != "#ifndef" or directives[1][0] != "#define" \
                or directives[0][1] != directives[1][1] \
                or not re.fullmatch(pattern, directives[0][1]):
            yield Finding(path, 1, f"the first directives are not the guard {pattern}")


def public_prefix(tree):
    """What a public header declares begins with thetis_ or THETIS_."""
    for path in tree.public_headers:
        source = tree.source(path)
        for line, name in declared(source):
            if name and not name.startswith(("thetis_", "THETIS_")):
                yield Finding(path, line, f"{name}: no thetis_ prefix")


def declared(source):
    """(line, name) of everything a header declares, but an opaque `struct tht_...`."""
    yield from source.macros
    for item in source.items:
        opaque = item.kind == "tag" and not item.body and item.name.startswith("tht_")
        if item.kind != "macro" and not opaque:
            yield item.line, item.name
        if re.search(r"\benum\b", item.head):
            for name in re.findall(r"[{,]\s*([A-Za-z_]\w*)", item.body):
                yield item.line, name


def internal_prefix(tree):
    """What one source file of the library offers to others begins with tht_ or thetis_."""
    for path in tree.c_files("src"):
        for item in tree.source(path).items:
            if item.kind in ("function", "variable") and not item.static and item.name \
                    and not item.name.startswith(("tht_", "thetis_")) \
                    and not re.match(r"THETIS_INLINE\b", item.head):
                yield Finding(path, item.line, f"{item.name}: not static, and no tht_ prefix")


def verb_list(tree):
    """The backquoted words from the line `Verbs:` to the next blank line."""
    text = tree.text(CONTRIBUTING) if tree.has(CONTRIBUTING) else ""
    m = re.search(r"^Verbs:(.*?)(?:\n[ \t]*\n|\Z)", text, re.M | re.S)
    return set(re.findall(r"`([a-z0-9]+)`", m.group(1))) if m else set()


def verbs(tree):
    """Public functions are called thetis_<object>_<verb>, with a verb from the one list."""
    known = verb_list(tree)
    if not known:
        yield Finding(CONTRIBUTING, 1, "no list of verbs: a line `Verbs:` and backquoted words")
        return
    objects = public_objects(tree)
    for path, item in public_functions(tree):
        words = item.name.removeprefix("thetis_").split("_")
        splits = [("_".join(words[:k]), words[k]) for k in range(1, len(words))]
        if item.name != f"thetis_{stem(path)}" \
                and not any(o in objects and v in known for o, v in splits):
            yield Finding(path, item.line, f"{item.name}: no verb of {CONTRIBUTING} "
                                           "after an object's name")


def public_objects(tree):
    """What public functions may be about: stems, public types, and the table above."""
    objects = {stem(path) for path in tree.public_headers} | set(OBJECTS)
    for path in tree.public_headers:
        objects |= {i.name.removeprefix("thetis_") for i in tree.source(path).items
                    if i.kind in ("typedef", "tag")}
    return objects


def public_functions(tree):
    """(path, item) of every public operation, inline ones too."""
    for path in tree.public_headers:
        for item in tree.source(path).items:
            if item.kind == "function" and not item.internal:
                yield path, item


RULES = [("guards", guards), ("public-prefix", public_prefix),
         ("internal-prefix", internal_prefix), ("verbs", verbs)]
