"""The command line: the only place where the parts are wired together.

One file per command. Nothing heavy is imported before a command runs: `ttx --help` stays instant.
"""

from __future__ import annotations

import contextlib
import os
import sys

import typer

from tui_transformer.errors import InputError, TtxError, UsageError

from .config import app as config
from .diff import diff
from .evaluate import evaluate
from .export import export
from .import_ import import_model
from .info import info
from .inspect import app as inspect
from .models import app as models
from .score import score
from .shell import shell
from .streams import PIPE_CLOSED
from .train import train
from .translate import translate
from .tui import tui

EXIT_CODES = """Exit codes: 0 done · 1 something failed · 2 wrong usage · 3 model missing or broken · \
4 device unavailable · 5 input or output unusable · 6 recipe, data or checkpoint unusable · \
7 an extra is not installed · 8 some translations look wrong (--strict) · 130 interrupted"""

# Anything the parser rejects. Typer does not export this class, only a subclass of it.
_WrongUsage: type[typer.BadParameter] = typer.BadParameter.__mro__[1]

app = typer.Typer(
    name="ttx",
    help="A Transformer you can use and look inside: translate, inspect, train, export.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("translate", epilog=EXIT_CODES)(translate)
app.command("tui", epilog=EXIT_CODES)(tui)
app.command("shell", epilog=EXIT_CODES)(shell)
app.command("score", epilog=EXIT_CODES)(score)
app.command("evaluate", epilog=EXIT_CODES)(evaluate)
app.command("info", epilog=EXIT_CODES)(info)
app.command("train", epilog=EXIT_CODES)(train)
app.command("export", epilog=EXIT_CODES)(export)
app.command("import", epilog=EXIT_CODES)(import_model)
app.add_typer(inspect, name="inspect", epilog=EXIT_CODES)
app.command("diff", epilog=EXIT_CODES)(diff)
app.add_typer(models, name="models", epilog=EXIT_CODES)
app.add_typer(config, name="config", epilog=EXIT_CODES)


@app.callback(invoke_without_command=True)
def options(
    context: typer.Context, version: bool = typer.Option(False, "--version", help="Print the version and exit.")
) -> None:
    """A Transformer you can use and look inside: translate, inspect, train, export."""
    if version:
        from tui_transformer import __version__

        typer.echo(f"ttx {__version__}")
        raise typer.Exit
    # `ttx config` must work, and tell, whatever the settings are.
    if context.invoked_subcommand not in (None, "config"):
        from .defaults import default_map

        context.default_map = default_map(context)


def main() -> None:
    """The `ttx` command: anything a user can cause ends in one line on stderr and a documented exit code."""
    try:
        # A command that ends with `typer.Exit` returns its exit code, any other nothing.
        code = app(standalone_mode=False)
        # A write that fails is better noticed now than when Python exits.
        sys.stdout.flush()
        sys.exit(code)
    except SystemExit as end:
        # The parser exits with 1 when the reader has gone.
        _end_if_unread(end.__context__)
        raise
    except TtxError as error:
        _say(str(error))
        sys.exit(error.exit_code)
    except _WrongUsage as error:
        # Empty where there was no command: help has been printed instead.
        if said := " ".join(error.format_message().split()):
            _say(said[0].lower() + said[1:])
        sys.exit(UsageError.exit_code)
    except OSError as error:
        _end_if_unread(error)
        what = f"use {error.filename}" if error.filename else "write standard output"
        _say(f"cannot {what}: {error.strerror or error}")
        os._exit(InputError.exit_code)
    except typer.Abort as error:
        if isinstance(error.__cause__, KeyboardInterrupt):
            raise error.__cause__ from None
        _say("the input ended before an answer was given")
        sys.exit(1)


def _end_if_unread(error: BaseException | None) -> None:
    """As any filter does when `head` has seen enough: quietly, and before Python tries to write the rest."""
    if isinstance(error, BrokenPipeError):
        os._exit(PIPE_CLOSED)


def _say(text: str) -> None:
    # Where nothing can be printed, the exit code still tells.
    with contextlib.suppress(OSError):
        print(f"ttx: {text}", file=sys.stderr)  # noqa: T201
