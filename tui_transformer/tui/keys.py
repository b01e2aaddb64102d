"""The keys of the shell, each with the id by which the config file gives it others.

    [tui]
    key = ["play=p", "forward=f,right"]

What only one screen needs is bound there, with ids that begin with the screen's name.
"""

from __future__ import annotations

from collections.abc import Sequence

from textual.binding import Binding

from tui_transformer.errors import UsageError

from .views import TABS


def _key(name: str, keys: str, action: str, description: str, shown: bool = False, first: bool = False) -> Binding:
    return Binding(keys, action, description, show=shown, id=name, priority=first)


SHELL = [
    _key("help", "f1,question_mark", "help", "Help", shown=True),
    _key("play", "space", "play", "Play", shown=True),
    _key("back", "comma", "step(-1)", "Back", shown=True),
    _key("forward", "full_stop", "step(1)", "On", shown=True),
    _key("first", "less_than_sign", "jump(0)", "To the start"),
    _key("newest", "greater_than_sign", "jump(-1)", "To the newest token"),
    _key("slower", "minus", "speed(-1)", "Slower"),
    _key("faster", "plus,equals_sign", "speed(1)", "Faster"),
    _key("mode", "b", "mode", "Mode", shown=True),
    _key("again", "r", "again", "Draw or decode again"),
    _key("sentence-before", "left_square_bracket", "sentence(-1)", "Sentence before"),
    _key("sentence-behind", "right_square_bracket", "sentence(1)", "Next sentence"),
    _key("branch", "o", "other_branch", "The other branch"),
    _key("heads-on", "X", "heads_on", "All heads on"),
    _key("older", "ctrl+up,alt+up", "history(-1)", "Earlier text", first=True),
    _key("newer", "ctrl+down,alt+down", "history(1)", "Later text", first=True),
    _key("copy", "y", "copy_translation", "Copy the translation"),
    _key("copy-table", "Y", "copy_table", "Copy the values as TSV"),
    _key("save", "s", "save", "Save", shown=True),
    _key("editor", "e", "editor", "Edit in $EDITOR"),
    _key("write", "i", "write", "Write"),
    _key("leave", "escape", "leave", "Leave the editor"),
    _key("jump", "ctrl+g", "jump_mode", "Jump to …", first=True),
    _key("next-screen", "ctrl+pagedown", "screen(1)", "Next screen", first=True),
    _key("screen-before", "ctrl+pageup", "screen(-1)", "Screen before", first=True),
    _key("screen-reader", "f4", "screen_reader", "Sentences instead of pictures"),
    _key("quit", "ctrl+q,q", "quit", "Quit"),
    *(_key(tab.name, str(number), f"open('{tab.name}')", tab.title) for number, tab in enumerate(TABS, 1)),
]
FIRST = frozenset(binding.action.partition("(")[0] for binding in SHELL if binding.priority)
"""Actions whose keys come before those of whatever has the focus."""


def keymap(written: Sequence[str]) -> dict[str, str]:
    """Keys by id, of entries such as play=p. Raises UsageError for what is no such entry, or for an unknown id.

    The ids of screens that have not been opened are not known yet: of those only the screen's name is checked.
    """
    known = [binding.id for binding in SHELL if binding.id]
    found = {}
    for entry in written:
        name, equals, keys = entry.partition("=")
        if not (name and equals and keys):
            raise UsageError(f"--key {entry!r}: write ID=KEYS, such as play=p")
        if name not in known and name.partition(".")[0] not in {tab.name for tab in TABS}:
            raise UsageError(f"--key {entry!r}: there is no {name!r}; the shell has {', '.join(known)}")
        found[name] = keys
    return found
