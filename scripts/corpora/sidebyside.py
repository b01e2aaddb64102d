"""Microsoft's documentation as translators gave it back: each sentence with its original beside it.

For some years the translated pages held both, in spans that the site showed when one pointed at a sentence:

    <span data-ttu-id="1">Translation</span><span class="sxs-lookup"><span data-stu-id="1">Original</span></span>

`ms.translationtype: HT` in a page's head says that people translated it.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterator

from .archives import Member
from .clean import Pair
from .table import Part

_BY_PEOPLE = re.compile(r"^ms\.translationtype: HT\s*$", re.MULTILINE)
_SPANS = re.compile(
    r'<span data-ttu-id="([^"]+)">(.*?)</span>\s*'
    r'<span class="sxs-lookup">\s*<span data-stu-id="\1">(.*?)</span>\s*</span>',
    re.DOTALL,
)
_IMAGE = re.compile(r"!\[[^\]]*\]\([^()]*(?:\([^()]*\)[^()]*)*\)")
_LINK = re.compile(r"\[([^\[\]]*)\]\([^()]*(?:\([^()]*\)[^()]*)*\)")
_EMPHASIS = re.compile(r"\*\*|`|(?<!\w)[*_](?=\w)|(?<=\w)[*_](?!\w)")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_TAG = re.compile(r"</?[A-Za-z][^<>]*>")


def read(found: Iterator[Member], part: Part) -> Iterator[Pair]:  # noqa: ARG001
    """The pairs of pages that people translated; sentences into which other text is included are left out."""
    for _, content in found:
        page = content.read().decode("utf-8-sig")
        if _BY_PEOPLE.search(page):
            for _, target, source in _SPANS.findall(page):
                if "[!" not in source + target:
                    yield _plain(source), _plain(target)


def _plain(text: str) -> str:
    """Markdown as it reads: names of links without their addresses, no pictures, no emphasis."""
    text = _LINK.sub(r"\1", _IMAGE.sub(" ", text))
    return html.unescape(_ESCAPED.sub(r"\1", _EMPHASIS.sub("", _TAG.sub(" ", text))))
