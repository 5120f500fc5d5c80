"""What can be done with the ledger from the command line?"""

from pathlib import Path
from typing import Annotated

import typer

from ops.cli_options import AsJson, DataDir, settings_of, show, told

ledger = typer.Typer(no_args_is_help=True, help="The journal of the ledger.")
audit = typer.Typer(no_args_is_help=True, help="Proof of the journal: seals, receipts and a verifier.")
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
    """Play a month of a marketplace through the ledger, and hold its books against the provider's and the bank's.

    Nobody else may pay meanwhile: what the provider and the bank say is compared as a whole.
    """
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


@audit.command("verify")
def verify_journal(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check journal, seals and tables with the verifier that stands alone; names the first thing that is wrong.

    Waits until what the journal holds now is sealed, up to a minute.
    """
    import tempfile

    from ops import lifecycle
    from ops.audit import export, standalone

    with told(as_json), settings_of(data_dir) as settings:
        running = lifecycle.running_settings(settings)
        with tempfile.TemporaryDirectory(prefix="millrace-audit-") as directory:
            counted = export.export(running, Path(directory))
            found = standalone.verdict(standalone.check_export, Path(directory))
        checked = ", ".join(f"{count:,} {name}" for name, count in counted.items())
        show(
            as_json,
            {**found, "checked": counted},
            f"{found['reason']} ({checked}) {found['first_bad'] or ''}",
        )
        raise typer.Exit(0 if found["passed"] else 1)


@audit.command("export")
def export_for_auditors(
    directory: Annotated[Path, typer.Argument(help="Directory to write; python standalone.py reads it.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Write journal, seals, schemas and rows, and the verifier itself, for somebody who does not trust us."""
    import shutil

    from ops import lifecycle
    from ops.audit import export, standalone

    with told(as_json), settings_of(data_dir) as settings:
        counted = export.export(lifecycle.running_settings(settings), directory)
        shutil.copy(standalone.__file__, directory / "standalone.py")
        show(as_json, counted, "\n".join(f"{name:<10}{count:,}" for name, count in counted.items()))


@audit.command("receipt")
def show_receipt(
    transaction_id: Annotated[str, typer.Argument(metavar="TXN", help="Id of a ledger transaction.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Prove that a transaction is in the journal: its record, the path to a seal's root, and the signed seal."""
    import msgspec

    from ops import lifecycle
    from ops.audit import receipts

    with told(as_json), settings_of(data_dir) as settings:
        found = receipts.receipt(lifecycle.running_settings(settings), transaction_id)
        show(as_json, found, msgspec.json.format(msgspec.json.encode(found)).decode())
