"""RTTM: who speaks when (NIST RT-09 evaluation plan, appendix A). The format has no place for words and emotions."""

from urllib.parse import quote

from mmerc.inference.export.document import Document
from mmerc.inference.export.timed import list_timed_rows


def make_rttm(document: Document) -> str:
    """The text of the file. A space in a name is written `%20`, since spaces separate the fields.

    Raises ConfigError as `list_timed_rows` does.
    """
    lines = [f";; {document.provenance.to_text()}"]
    for row in list_timed_rows(document):
        times = f"{row.start / 1000:.3f} {(row.end - row.start) / 1000:.3f}"
        lines.append(f"SPEAKER {_make_field(row.dialogue)} 1 {times} <NA> <NA> {_make_field(row.speaker)} <NA> <NA>")
    return "\n".join(lines) + "\n"


def _make_field(text: str) -> str:
    """
    >>> _make_field("Ann Smith"), _make_field(""), _make_field("100%"), _make_field("<NA>")
    ('Ann%20Smith', '<NA>', '100%25', '%3CNA>')
    """
    field = "".join(quote(each) if each.isspace() or each == "%" else each for each in text)
    return "%3CNA>" if field == "<NA>" else field or "<NA>"
