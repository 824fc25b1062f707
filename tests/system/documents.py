"""The blocks of a document in Markdown: what an operator is told to type, to configure and to expect.

    documents.py FILE [N]      prints the N-th block that is run in a package's chroot (1 without N), for .ci/deb-check

A fence says what its block is: `sh` commands, `sh background` those of a second terminal, `sh in-package` those that .ci/deb-check runs in a bare Debian,
`sh in-bare` those that .ci/bare runs, `sh not-run` what nothing here can run; `toml` configuration; `text` lines that are printed by then,
`text not-compared` such as nothing here can compare.
"""
import dataclasses
import re
import sys

FENCE = re.compile(r"^( *)```(.*)$")
KINDS = ("sh", "sh background", "sh in-package", "sh in-bare", "sh not-run", "toml", "text", "text not-compared")


@dataclasses.dataclass
class Block:
    kind: str
    text: str
    line: int


def blocks(path):
    """In their order; ValueError for a fence without its end, one that says nothing known, and an indented block, which would say nothing."""
    found, inside, after_blank = [], None, True
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            fence = FENCE.match(line.rstrip("\n"))
            if fence and inside:
                found.append(inside)
                inside = None
            elif fence:
                if fence[2] not in KINDS:
                    raise ValueError(f"{path}:{number}: a block is one of {', '.join(KINDS)}, not {fence[2]!r}")
                indent, inside = len(fence[1]), Block(fence[2], "", number)
            elif inside:
                inside.text += line[indent:] if line[:indent].isspace() or not indent else line
            elif after_blank and re.match(r"    (?! *[-*\d])\S", line):
                raise ValueError(f"{path}:{number}: an indented block says not what it is; put it between fences")
            after_blank = not line.strip()
    if inside:
        raise ValueError(f"{path}:{inside.line}: the block has no end")
    return found


def manual_blocks(path):
    """Of a manual page: `.Dl` lines are commands; what stands between `.Bd -literal` and `.Ed` is configuration if it begins with a table, else printed."""
    found, literal = [], None
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            plain = line.replace("\\(dq", '"').replace("\\&", "").replace("\\e", "\\")
            if line.startswith(".Bd -literal"):
                literal = Block("text", "", number)
            elif line.startswith(".Ed") and literal:
                literal.kind = "toml" if literal.text.startswith("[") else "text"
                found.append(literal)
                literal = None
            elif literal:
                literal.text += plain
            elif line.startswith(".Dl "):
                found.append(Block("sh", plain[4:], number))
    return found


def main():
    wanted = [block for block in blocks(sys.argv[1]) if block.kind == "sh in-package"]
    print(wanted[int(sys.argv[2]) - 1 if len(sys.argv) > 2 else 0].text, end="")


if __name__ == "__main__":
    main()
