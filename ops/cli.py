"""What can be done from the command line: the `millrace` command.

Every command takes --data-dir and --json; the exit code is 0 only when what was asked holds.
"""

from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer

from ops import ledger_cli
from ops.cli_options import AsJson, DataDir, settings_of, show, told

app = typer.Typer(
    no_args_is_help=True, pretty_exceptions_enable=False, help="Run and watch the payment platform."
)
merchants = typer.Typer(no_args_is_help=True, help="Merchants and their keys.")
operators = typer.Typer(no_args_is_help=True, help="People and programs that run the platform.")
topics = typer.Typer(no_args_is_help=True, help="Topics and what is said on them.")
rules = typer.Typer(no_args_is_help=True, help="The rules that allow, hold or block payments.")
app.add_typer(merchants, name="merchants")
app.add_typer(operators, name="operators")
app.add_typer(topics, name="topics")
app.add_typer(rules, name="rules")
app.add_typer(ledger_cli.ledger, name="ledger")
app.add_typer(ledger_cli.scenario, name="scenario")
app.add_typer(ledger_cli.audit, name="audit")


def main() -> None:
    """Run the command line."""
    app()


@app.command()
def up(
    data_dir: DataDir = None,
    api_port: Annotated[int | None, typer.Option(help="Port of the API.")] = None,
    detach: Annotated[bool, typer.Option("--detach", help="Return when everything is ready.")] = False,
    as_json: AsJson = False,
) -> None:
    """Start Kafka, Postgres, the provider simulator and every process of the platform."""
    from ops import lifecycle

    with told(as_json), settings_of(data_dir) as settings:
        running = lifecycle.up(settings, api_port=api_port, is_detached=detach)
        show(as_json, running, f"The API answers at {running.api_url}")


@app.command()
def down(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Stop what `up` started; what was accepted is kept."""
    from ops import lifecycle

    with told(as_json), settings_of(data_dir) as settings:
        was_running = lifecycle.down(settings)
        show(as_json, {"was_running": was_running}, "Stopped." if was_running else "Nothing was running.")


@app.command()
def status(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show every process and how far each stage is behind."""
    from ops import lifecycle
    from ops.tables import status_table

    with told(as_json), settings_of(data_dir) as settings:
        found = lifecycle.status(settings)
        show(as_json, found, status_table(found))


@app.command()
def worker(
    stages: Annotated[list[str], typer.Argument(help="Stages to run in this process.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Run stages in this process until it is told to end."""
    from ops import workers

    with told(as_json), settings_of(data_dir) as settings:
        workers.run(settings, tuple(stages))


@app.command()
def demo(
    payments: Annotated[int, typer.Option(min=1, help="How many payments.")] = 2_000,
    requests: Annotated[
        Path | None, typer.Option(help="Replay payment requests from a JSON-lines file.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Amounts, customers and arrivals follow from it.")] = 1,
    forget_keys: Annotated[
        bool, typer.Option(help="Let the provider forget idempotency keys at once.")
    ] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Start the platform if need be, send it payments, verify everything, and report."""
    from ops import demonstration

    with told(as_json), settings_of(data_dir) as settings:
        plan = demonstration.Plan(
            payments=payments, requests_file=requests, seed=seed, forget_keys=forget_keys
        )
        said = demonstration.run(settings, plan, is_quiet=as_json)
        show(as_json, said, said.rendered())
        raise typer.Exit(0 if said.passed else 1)


@app.command()
def verify(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Check every invariant on the live data, with evidence."""
    from ops import lifecycle
    from ops.tables import verify_table

    with told(as_json), settings_of(data_dir) as settings:
        report = lifecycle.verify(settings)
        show(as_json, report, verify_table(report))
        raise typer.Exit(0 if report.passed else 1)


@app.command()
def explain(
    identifier: Annotated[
        str, typer.Argument(metavar="ID", help="Id of a payment, or of anything that belongs to one.")
    ],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Tell the life of one payment: requests, decisions, provider, ledger, webhooks, settlement."""
    from ops import lifecycle
    from ops.explain import assembly, stored
    from ops.explain.text import life_text

    with told(as_json), settings_of(data_dir) as settings:
        with stored.reading(lifecycle.running_settings(settings).postgres_dsn) as tables:
            life = assembly.life_of(tables.found(identifier))
        show(as_json, life, life_text(life))


@app.command()
def bench(
    names: Annotated[list[str] | None, typer.Argument(help="Benchmarks to run; all without.")] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Measure CPU time per unit of work; without names also writes docs/reference/performance.md."""
    from ops.bench import suite

    with told(as_json), settings_of(data_dir) as settings:
        results = suite.run(settings, tuple(names or ()))
        show(as_json, results, suite.rendered(results))


@app.command()
def simulate(
    seed: Annotated[int, typer.Option(help="The history follows from it.")] = 1,
    payments: Annotated[int, typer.Option(min=1, help="How many payments.")] = 12,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Play one seeded history of the whole platform in memory, with crashes, and judge it."""
    from ops.simulation.oracle import violations
    from ops.simulation.world import Plan, World

    with told(as_json):
        found = violations(World(seed, Plan(payments=payments)).run())
        show(
            as_json,
            {"seed": seed, "violations": found},
            "\n".join(found) or f"seed {seed}: everything is right",
        )
        raise typer.Exit(1 if found else 0)


@app.command("testcards")
def list_test_tokens(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List the test tokens and what the provider does with each."""
    from connectors.psp.simulator.tokens import TEST_TOKENS

    listed = {token.token: token.meaning for token in TEST_TOKENS}
    show(as_json, listed, "\n".join(f"{token:<32}{meaning}" for token, meaning in listed.items()))


@app.command()
def quarantine(
    record: Annotated[str, typer.Argument(help="TOPIC:PARTITION:OFFSET of a record that stops its stage.")],
    reason: Annotated[str, typer.Option(help="Why it may be set aside; kept for ever.")],
    execute: Annotated[bool, typer.Option("--execute", help="Do it; without, only show the record.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Set one record aside for ever: the only way past a record that a stage cannot handle."""
    from ops import lifecycle

    with told(as_json), settings_of(data_dir) as settings:
        found = lifecycle.set_aside(settings, record, reason=reason, is_dry_run=not execute)
        show(as_json, found, msgspec.json.format(msgspec.json.encode(found)).decode())


@merchants.command("create")
def create_merchant(
    *,
    name: Annotated[str, typer.Option(help="What to call it.")] = "Demo merchant",
    webhook_url: Annotated[str | None, typer.Option(help="Send all its events there, signed.")] = None,
    fee_bps: Annotated[int | None, typer.Option(help="Fee of a capture in basis points.")] = None,
    fee_fixed_minor: Annotated[int | None, typer.Option(help="Fixed part of it in minor units.")] = None,
    settlement_days: Annotated[
        int | None, typer.Option(help="Days until captured money is available.")
    ] = None,
    refund_policy: Annotated[
        str | None, typer.Option(help="owe or refuse: a refund that needs more than there is.")
    ] = None,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Create a merchant; its secret key, and that of its webhooks, are shown this once."""
    from ops import accounts, lifecycle

    asked = {
        "fee_bps": fee_bps,
        "fee_fixed_minor": fee_fixed_minor,
        "settlement_days": settlement_days,
        "refund_policy": refund_policy,
    }
    terms = {term: value for term, value in asked.items() if value is not None}
    with told(as_json), settings_of(data_dir) as settings:
        api_url, key = lifecycle.api_access(settings)
        made = accounts.create_merchant(api_url, key, display_name=name, terms=terms, webhook_url=webhook_url)
        shown = ("merchant_id", "secret_key", "endpoint_id", "webhook_url", "webhook_secret")
        show(as_json, made, "\n".join(f"{field:<16}{made[field]}" for field in shown if field in made))


@operators.command("create")
def create_operator(
    name: Annotated[str, typer.Option(help="Who it is.")],
    role: Annotated[str, typer.Option(help="admin or viewer.")] = "viewer",
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Create an operator; its secret key is shown this once."""
    from ops import accounts, lifecycle

    with told(as_json), settings_of(data_dir) as settings:
        api_url, key = lifecycle.api_access(settings)
        made = accounts.create_operator(api_url, key, display_name=name, role=role)
        show(as_json, made, f"operator_id  {made['operator_id']}\nsecret_key   {made['secret_key']}")


@topics.command("list")
def list_topics(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """List every topic with its key domain, writer and readers."""
    from ops.tables import topics_table
    from schemas.topics import ALL

    listed = [
        {"name": one.name, "key_domain": one.key_domain, "writer": one.writer, "readers": one.readers}
        for one in ALL
    ]
    show(as_json, listed, topics_table())


@topics.command("tail")
def tail_topic(
    topic: str,
    last: Annotated[int, typer.Option(min=0, help="Records of each partition to begin with.")] = 10,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what is written.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Show the last records of a topic, decoded, card numbers masked."""
    from ops import browse, lifecycle

    with told(as_json), settings_of(data_dir) as settings:
        for one in browse.records(lifecycle.running_settings(settings), topic, last=last, follow=follow):
            show(as_json, one, _line(one))


@topics.command("grep")
def grep_topic(topic: str, text: str, data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show the records of a topic whose decoded text contains `text`."""
    from ops import browse, lifecycle

    with told(as_json), settings_of(data_dir) as settings:
        for one in browse.records(lifecycle.running_settings(settings), topic, last=None):
            if text in msgspec.json.encode(one).decode():
                show(as_json, one, _line(one))


@rules.command("show")
def show_rules(data_dir: DataDir = None, as_json: AsJson = False) -> None:
    """Show the rules that decide now, in their order."""
    from ops import lifecycle
    from ops import rules as risk_rules
    from ops.tables import rules_in_force_table

    with told(as_json), settings_of(data_dir) as settings:
        found = risk_rules.in_force(lifecycle.running_settings(settings))
        show(as_json, found, rules_in_force_table(found))


@rules.command("check")
def check_rules(
    file: Annotated[Path, typer.Argument(help="YAML or JSON file of rules.")],
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Say whether a file of rules can be deployed, and of every mistake how to mend it."""
    from ops import rules as risk_rules

    with told(as_json):
        found = risk_rules.checked(file)
        show(as_json, {"rules": found}, f"{file}: {len(found)} rules, nothing wrong")


@rules.command("deploy")
def deploy_rules(
    file: Annotated[Path, typer.Argument(help="YAML or JSON file of rules.")],
    reason: Annotated[str, typer.Option(help="Why they come into force; kept for ever.")],
    execute: Annotated[bool, typer.Option("--execute", help="Do it; without, only show the plan.")] = False,
    data_dir: DataDir = None,
    as_json: AsJson = False,
) -> None:
    """Replace the rules that decide, on every partition."""
    from ops import lifecycle
    from ops import rules as risk_rules
    from ops.tables import rules_plan_table

    with told(as_json), settings_of(data_dir) as settings:
        running = lifecycle.running_settings(settings)
        plan = risk_rules.deploy(running, file, reason=reason, is_dry_run=not execute)
        show(as_json, plan, rules_plan_table(plan))


def _line(one: Any) -> str:
    value = msgspec.json.encode(one.value).decode()
    return f"{one.topic}:{one.partition}:{one.offset} {one.at} {one.key} {value}"


if __name__ == "__main__":
    main()
