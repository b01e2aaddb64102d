"""Where one stands in a tour: what each key does, without a terminal."""

from __future__ import annotations

from dataclasses import dataclass

NEXT = frozenset(("right", "n", "l"))
ON = frozenset((" ", "enter"))
BACK = frozenset(("left", "b", "h", "backspace"))
LEAVE = frozenset(("q", "escape", "ctrl-c", "end of input"))
SCROLL = {"down": 1, "j": 1, "up": -1, "k": -1}
PAGES = {"page down": 1, "page up": -1}


@dataclass(slots=True)
class Walk:
    """Stop `at` of `stops`, counted from 0, whose screen is shown from line `top` on.

    `typed` is the beginning of a stop's number. The screen has `height` lines of which `room` are seen at once: whoever
    draws says so before the next key.
    """

    stops: int
    at: int = 0
    top: int = 0
    typed: str = ""
    height: int = 0
    room: int = 1
    over: bool = False

    @property
    def last_top(self) -> int:
        """The line from which on the end of the screen is seen."""
        return max(0, self.height - self.room)

    def seen(self, height: int, room: int) -> None:
        """What was drawn, or would be: the place in it stays within it."""
        self.height, self.room = height, max(1, room)
        self.top = min(self.top, self.last_top)

    def press(self, key: str) -> None:
        """A key: a character or its name. Space and enter go on in a screen that is not at its end; others do nothing.

        A number is gone to when no longer one can begin with it, on enter, or after a pause; other keys forget it.
        """
        if key.isdecimal() and key.isascii():
            self._type(key)
            return
        if self.typed and key == "enter":
            self.pause()
            return
        self.typed = ""
        if key in LEAVE:
            self.over = True
        elif key in NEXT or (key in ON and self.top == self.last_top):
            self._go(self.at + 1)
        elif key in ON:
            self._scroll(self.room - 1)
        elif key in BACK:
            self._go(self.at - 1)
        elif key in SCROLL or key in PAGES:
            self._scroll(SCROLL.get(key) or PAGES[key] * max(1, self.room - 1))
        elif key in ("home", "end"):
            self._go(0 if key == "home" else self.stops - 1)

    def pause(self) -> None:
        """No key for a while: go to the stop whose number, from 1, was typed, if there is one."""
        if self.typed and 1 <= int(self.typed) <= self.stops:
            self._go(int(self.typed) - 1)
        self.typed = ""

    def _type(self, digit: str) -> None:
        self.typed += digit
        if int(self.typed) * 10 > self.stops or int(self.typed) == 0:
            self.pause()

    def _go(self, stop: int) -> None:
        if 0 <= stop < self.stops and stop != self.at:
            self.at, self.top = stop, 0

    def _scroll(self, lines: int) -> None:
        self.top = max(0, min(self.top + lines, self.last_top))
