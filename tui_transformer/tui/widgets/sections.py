"""A long picture in sections, which others scroll: from heading to heading, by lines and by pages."""

from __future__ import annotations

import re

from tui_transformer.tui.picture_view import PictureView


class Sections(PictureView, can_focus=False):
    """`heading` tells the lines that begin a section."""

    heading = re.compile(r"\d · |padding mask|the target's masks|\w+ L\d+ H\d+: what|the row of")

    def go(self, sections: int) -> None:
        """To the heading below the first line that is seen, or to the one above it."""
        places = [y for y, strip in enumerate(self._strips) if self.heading.match(strip.text)]
        top = round(self.scroll_target_y)
        further = [y for y in places if y > top] if sections > 0 else [y for y in reversed(places) if y < top]
        self.scroll_to(y=further[0] if further else self.virtual_size.height * (sections > 0), animate=False)

    def lines(self, by: int) -> None:
        """So many lines further."""
        self.scroll_relative(y=by, animate=False)

    def pages(self, by: int) -> None:
        """As many lines further as are seen, but one."""
        self.lines(by * max(1, self.scrollable_content_region.height - 1))
