"""The errors that `ttx` raises on purpose.

Each carries one sentence for a person; `cli` prints it on stderr and exits with the code below.
Anything else that escapes is a bug and may show its traceback.
"""

from __future__ import annotations


class TtxError(Exception):
    """Something the user can understand and fix. `exit_code` is the command's exit code."""

    exit_code = 1


class TranslationError(TtxError):
    """Some lines could not be translated or scored: memory ran out, or a bug, which `__cause__` shows."""


class SettingsError(TtxError):
    """The config file or a TTX_* variable has an invalid setting."""

    exit_code = 2


class UsageError(TtxError):
    """An argument asks for something that does not exist: a layer, a head, a piece, a text, a kind of file."""

    exit_code = 2


class LanguageError(UsageError):
    """A text asks for a language that the model does not know. `place`: which one of several texts, from 0."""

    place = 0


class BundleError(TtxError):
    """A model bundle is missing, broken, or of an unknown format."""

    exit_code = 3


class DeviceError(TtxError):
    """The requested device is not available."""

    exit_code = 4


class InputError(TtxError):
    """A file cannot be read or written, or its content cannot be used."""

    exit_code = 5


class RecipeError(TtxError):
    """A training recipe, corpus or checkpoint cannot be used."""

    exit_code = 6


class MissingExtraError(TtxError):
    """A command needs packages of an extra that is not installed."""

    exit_code = 7


class QualityError(TtxError):
    """Everything was translated, but some translations look wrong, and `--strict` was given."""

    exit_code = 8
