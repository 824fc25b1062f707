#!/usr/bin/env python3
"""Holds a package's list of parts (CycloneDX) against the package itself.

    parts.py PACKAGE.deb

Each program in it stands there with its digest; each library that it depends on stands there, and what of headers alone is in its programs.
"""
import hashlib
import io
import json
import re
import subprocess
import sys
import tarfile

HEADERS_ONLY = {"mmgate": {"libexpected-dev", "libflatbuffers-dev", "libtomlplusplus-dev", "nlohmann-json3-dev"}}


def ask(*argv):
    return subprocess.run(argv, check=True, capture_output=True).stdout


def main():
    path = sys.argv[1]
    name, depends = (ask("dpkg-deb", "-f", path, field).decode().strip() for field in ("Package", "Depends"))
    members = {}
    with tarfile.open(fileobj=io.BytesIO(ask("dpkg-deb", "--fsys-tarfile", path))) as archive:
        for member in archive:
            if member.isfile():
                members[member.name.lstrip(".")] = archive.extractfile(member).read()
    bom = json.loads(members[f"/usr/share/doc/{name}/sbom.cdx.json"])
    wrong = []

    if (bom["bomFormat"], bom["metadata"]["component"]["name"], bom["metadata"]["component"]["version"]) != ("CycloneDX", name, ask("dpkg-deb", "-f", path, "Version").decode().strip()):
        wrong.append("it is about something else")
    programs = {file: hashlib.sha256(octets).hexdigest() for file, octets in members.items() if octets.startswith(b"\x7fELF")}
    told = {part["name"]: part["hashes"][0]["content"] for part in bom["components"] if part["type"] == "file"}
    if not programs or told != programs:
        wrong.append(f"its programs are {programs}, it tells of {told}")
    libraries = {part["name"] for part in bom["components"] if part["type"] == "library"}
    needed = {word[0] for word in (re.match(r"lib[a-z0-9.+-]+", part.strip()) for part in depends.split(",")) if word} | HEADERS_ONLY.get(name, set())
    if not needed <= libraries:
        wrong.append(f"it lacks {sorted(needed - libraries)}")
    references = [part["bom-ref"] for part in bom["components"]]
    if len(set(references)) != len(references) or not {ref for one in bom["dependencies"] for ref in one["dependsOn"]} <= set(references):
        wrong.append("its references do not fit")
    for what in wrong:
        print(f"{path}: the list of parts: {what}", file=sys.stderr)
    print(f"{name}: {len(programs)} programs, {len(libraries)} libraries")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
