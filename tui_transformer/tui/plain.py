"""Titles that say what somebody typed: square brackets are square brackets there."""

from __future__ import annotations

from textual.content import Content
from textual.scroll_view import ScrollView


class PlainTitles(ScrollView):
    """Something whose border's title and subtitle are taken as they are written, without any markup."""

    def render_str(self, text_content: str | Content) -> Content:
        """Textual would read markup here, and fail where brackets do not match."""
        return Content(text_content) if isinstance(text_content, str) else text_content
