"""What can be done with the ledger from the command line?"""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli_options import AsJson, DataDir, settings_of, show, told

ledger = typer.Typer(no_args_is_help=True, help="The journal of the ledger.")
scenario = typer.Typer(no_args_is_help=True, help="Histories played on a running platform.")


@ledger.command("export")
def export_journal(
    form: Annotated[str, typer.Option("--format", help="beancount.")] = "beancount",
    out: Annotated[Path | None, typer.Option(help="File to write; the terminal without.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write the whole journal for another accounting program."""
    import sys

    from ops import lifecycle
    from ops.errors import NotFound
    from ops.ledger import beancount

    with told(as_json), settings_of(data_dir) as settings:
        if form != "beancount":
            raise NotFound(f"no format {form}; there is beancount")
        running = lifecycle.running_settings(settings)
        if out is None:
            beancount.export(running, sys.stdout)
            return
        with out.open("w") as file:
            lines = beancount.export(running, file)
        show(as_json, {"file": str(out), "lines": lines}, f"{lines:,} lines in {out}")


@scenario.command("month")
def play_month(
    seed: Annotated[int, typer.Option(help="The month follows from it.")] = 1,
    sales_a_day: Annotated[
        int | None, typer.Option(min=1, help="How busy it is; the standard makes over 50,000 transactions.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Play a month of a marketplace through the ledger, and hold its books against the provider's and the bank's."""
    from ops import lifecycle
    from ops.month import scenario as month
    from ops.tables import checks_table

    with told(as_json), settings_of(data_dir) as settings:
        running = lifecycle.running_settings(settings)
        api_url, operator_key = lifecycle.api_access(settings)

        def tell(part: int, transactions: int) -> None:
            typer.echo(f"part {part}: {transactions:,} transactions", err=True)

        played = month.play(
            running,
            api_url,
            operator_key,
            seed=seed,
            sales_a_day=sales_a_day or month.SALES_A_DAY,
            on_part=None if as_json else tell,
        )
        show(as_json, played, checks_table(played))
        raise typer.Exit(0 if played.passed else 1)
