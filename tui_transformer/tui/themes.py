"""Our own themes: a quiet frame and one accent, so that the data is the decoration. Textual's own can be chosen too."""

from __future__ import annotations

from textual.theme import Theme

THEMES = (
    Theme(
        name="ttx-dark", dark=True, primary="#bf7118", secondary="#5fa8a0", accent="#bf7118",
        foreground="#d8d6d0", background="#14151a", surface="#191b21", panel="#21242c",
        warning="#d9b44a", error="#cf6a5c", success="#7fae6b",
    ),
    Theme(
        name="ttx-light", dark=False, primary="#9a5b10", secondary="#2f7a72", accent="#9a5b10",
        foreground="#23252b", background="#faf9f5", surface="#f3f1ea", panel="#e7e4da",
        warning="#8a6a00", error="#a63d2f", success="#3f7a2e",
    ),
)  # fmt: skip
