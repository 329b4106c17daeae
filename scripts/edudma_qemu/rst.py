# SPDX-License-Identifier: GPL-2.0-only
"""The part of Markdown that docs/edu-sg.md uses, as reStructuredText."""

import re


def _inline(text):
    return re.sub(r"(?<!`)`([^`]+)`(?!`)", r"``\1``", text)


def _cells(line):
    return [_inline(cell.strip()) for cell in line.strip().strip("|").split("|")]


def _table(lines):
    rows = [_cells(line) for i, line in enumerate(lines) if i != 1]
    yield ".. list-table::"
    yield "   :header-rows: 1"
    yield ""
    for row in rows:
        for i, cell in enumerate(row):
            yield f"{'   * -' if i == 0 else '     -'} {cell}".rstrip()
    yield ""


def convert(text):
    """All of a document."""
    out, table = [".. SPDX-License-Identifier: GPL-2.0-or-later", ""], []
    for line in text.splitlines():
        if line.startswith("|"):
            table.append(line)
            continue
        if table:
            out += _table(table)
            table = []
            if not line:
                continue
        heading = re.match(r"(#+) (.*)", line)
        if heading:
            title = _inline(heading.group(2))
            out += [title, "=-~"[len(heading.group(1)) - 1] * len(title)]
        else:
            out.append(_inline(line))
    if table:
        out += _table(table)
    return "\n".join(out).rstrip() + "\n"
