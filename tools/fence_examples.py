"""A griffe extension for the API reference: the doctests of a docstring become blocks of code on the page."""

import re
from typing import Any

import griffe

EXAMPLE = re.compile(r"^>>> .*?(?=\n\s*\n|\Z)", re.MULTILINE | re.DOTALL)  # up to the next empty line


class FenceExamples(griffe.Extension):
    """Put a fence around each doctest. Markdown would take `>>>` for a quotation."""

    def on_object(self, *, obj: griffe.Object, **kwargs: Any) -> None:
        if obj.docstring is not None:
            obj.docstring.value = EXAMPLE.sub(r"```pycon\n\g<0>\n```", obj.docstring.value)
