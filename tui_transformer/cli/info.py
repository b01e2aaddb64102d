"""`ttx info`: what is installed, and which of it works."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tui_transformer.errors import BundleError

from .parameters import ModelOption

if TYPE_CHECKING:
    from tui_transformer.environment import Environment, Model

SCHEMA = 1


def info(
    model: ModelOption = "en-de",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object.")] = False,
) -> None:
    """Show versions, processors, what ONNX Runtime can really use, the models, and one of them in detail.

    The exit code is 3 if that one is missing or broken.
    """
    from tui_transformer import environment
    from tui_transformer.settings import config_path

    found, models, chosen = environment.environment(), environment.models(), environment.model(model)
    if as_json:
        _print_json(found, models, chosen, str(config_path()))
    else:
        _print_tables(found, models, chosen, str(config_path()))
    if chosen.error:
        raise typer.Exit(BundleError.exit_code)


def _print_tables(found: Environment, models: list[Model], chosen: Model, config: str) -> None:
    from .tables import show_table

    installed = [[f"model {one.name}", one.error or _in_short(one)] for one in models]
    show_table([], [*_of_environment(found), ["config", config], *installed, *_closely(chosen)])


def _print_json(found: Environment, models: list[Model], chosen: Model, config: str) -> None:
    import json
    from dataclasses import asdict

    content: dict[str, Any] = {
        "schema": SCHEMA,
        **asdict(found),
        "config": config,
        # Only the chosen model has details.
        "models": [{key: value for key, value in asdict(one).items() if key != "details"} for one in models],
        "model": asdict(chosen),
    }
    typer.echo(json.dumps(content, ensure_ascii=False, indent=2))


def _of_environment(found: Environment) -> list[list[str]]:
    return [
        *([name, number] for name, number in found.versions.items()),
        ["platform", found.platform],
        ["cores", f"{found.cores}, usable {found.usable_cores}"],
        *([name, "works" if works else "does not work here"] for name, works in found.providers.items()),
    ]


def _in_short(model: Model) -> str:
    languages = f"{model.source_language}→{model.target_language}"
    return f"{languages}, {model.precision}, {model.bytes / 1e6:.1f} MB, {model.path}"


def _closely(model: Model) -> list[list[str]]:
    if model.error:
        return [["in use", model.error]]
    details = model.details
    architecture = ", ".join(f"{key} {value}" for key, value in details["architecture"].items())
    return [
        ["in use", _in_short(model)],
        ["parameters", f"{details['parameters']:,}" if details["parameters"] else "unknown"],
        ["architecture", architecture],
        *(
            [f"{score.get('metric')} {score.get('set')}", f"{score.get('value')} (beam {score.get('beam')})"]
            for score in details["scores"]
        ),
    ]
