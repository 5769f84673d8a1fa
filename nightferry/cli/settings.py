"""The commands about the specification: ``check-config`` and ``schema``."""

from __future__ import annotations

import json as json_module
from typing import Annotated, Literal

import typer

from nightferry.cli import options as opt
from nightferry.cli.context import finish, options_of, say
from observatory.errors import SpecificationError, UsageError


def check_config(
    context: typer.Context,
    show: Annotated[bool, typer.Option("--show", help="Print the effective specification.")] = False,
    json: opt.Json = False,
) -> None:
    """Validate every file; all problems at once."""
    options = options_of(context)
    try:
        workplace = options.open()
    except SpecificationError as error:
        _print_problems(error, json)
        finish(2)
        return
    specification = workplace.specification
    if json:
        from observatory.spec.show import effective_document

        shown = {"specification": effective_document(specification)} if show else {}
        document = {"state": "ok", "instruments": sorted(specification.instruments), "problems": [], **shown}
        typer.echo(json_module.dumps(document))
    elif show:
        from observatory.spec.show import effective

        typer.echo(effective(specification), nl=False)
    elif not options.quiet:
        names = ", ".join(sorted(specification.instruments)) or "none"
        typer.echo(f"{specification.folder}: site {specification.site.site}, instruments {names}: no problems")


def _print_problems(error: SpecificationError, as_json: bool) -> None:
    if as_json:
        rows = [
            {"file": one.file, "line": one.line, "key": one.key_path, "reason": one.reason} for one in error.problems
        ]
        typer.echo(json_module.dumps({"error": str(error), "problems": rows}))
    say(str(error))


def schema(what: Annotated[str, typer.Argument(metavar="site|instrument", help="Which file.")]) -> None:
    """Print the JSON Schema of site.yaml or of an instrument's file, so that editors complete and check it."""
    from converters.base import step_models
    from nightferry.sections import section_models
    from observatory.spec.show import json_schema

    kinds: dict[str, Literal["site", "instrument"]] = {"site": "site", "instrument": "instrument"}
    if what in kinds:
        typer.echo(json_module.dumps(json_schema(kinds[what], step_models(), section_models()), indent=2))
        return
    raise UsageError(f"{what!r}: there is a schema of site and of instrument")


def register(app: typer.Typer) -> None:
    """Add this group's commands."""
    app.command("check-config")(check_config)
    app.command()(schema)
