"""Is a file of rules judged before anything is written: each mistake by rule, field and fix?"""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from typer.testing import CliRunner

import schemas
from ops import cli
from ops.errors import NotFound, RulesRefused
from ops.rules import MAX_RULES, checked
from ops.tables import rules_in_force_table, rules_plan_table
from streams.risk.default_rules import DEFAULT_RULES

GOOD: dict[str, Any] = {
    "name": "card_testing",
    "when": [{"field": "ip.cards_1h", "operator": "ge", "value": 5}],
    "verdict": "block",
    "reason_code": "card_testing_ip",
}
CONDITION: dict[str, Any] = GOOD["when"][0]


def written(path: Path, *rules: Any) -> Path:
    path.write_text(yaml.safe_dump({"rules": list(rules)}))
    return path


def refusal(path: Path, *rules: Any) -> str:
    with pytest.raises(RulesRefused) as refused:
        checked(written(path, *rules))
    return str(refused.value)


def test_yaml_and_json_say_the_same(tmp_path: Path) -> None:
    """People write one, programs the other."""
    (tmp_path / "rules.json").write_text(json.dumps({"rules": [GOOD]}))
    assert checked(written(tmp_path / "rules.yaml", GOOD)) == checked(tmp_path / "rules.json")


def test_the_default_rules_can_be_deployed(tmp_path: Path) -> None:
    """Where an analyst begins."""
    plain = msgspec.to_builtins(DEFAULT_RULES)
    assert DEFAULT_RULES == checked(written(tmp_path / "rules.yaml", *plain))


def test_the_example_of_the_runbook_can_be_deployed(tmp_path: Path) -> None:
    """It is copied before it is read."""
    page = (Path(schemas.__file__).parent.parent / "docs" / "runbooks" / "risk-rules.md").read_text()
    (example,) = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    (tmp_path / "rules.yaml").write_text(example)
    assert ["trusted_merchant", "card_testing_ip"] == [rule.name for rule in checked(tmp_path / "rules.yaml")]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"shadow": True}, ("unknown field `shadow`", "use name, when, verdict, reason_code")),
        ({"name": "Card Testing"}, ("name: ", "begin with a lower-case letter")),
        ({"verdict": "challenge"}, ("verdict: ", "challenge", "use one of allow, review, block")),
        ({"reason_code": "x" * 65}, ("reason_code: ", "at most 64 characters")),
        ({"reason_code": None}, ("reason_code: ", "give a text")),
        ({"when": []}, ("when: ", "one to eight conditions")),
        ({"when": [CONDITION] * 9}, ("when: ", "one to eight conditions")),
        ({"when": CONDITION}, ("when: ", "one to eight conditions")),
        ({"when": [CONDITION, 4]}, ("condition 2: ", "give field, operator and value")),
        ({"when": [{**CONDITION, "unit": "h"}]}, ("condition 1: ", "`unit`", "use field, operator, value")),
        ({"when": [{**CONDITION, "field": "ip.cards_2h"}]}, ("condition 1, field: ", "ip.cards_1h")),
        ({"when": [{**CONDITION, "operator": ">="}]}, ("condition 1, operator: ", "use one of ge, gt")),
        ({"when": [{**CONDITION, "value": 1.5}]}, ("condition 1, value: ", "whole number")),
        ({"when": [{**CONDITION, "value": True}]}, ("condition 1, value: ", "whole number")),
        ({"when": [{**CONDITION, "value": "5"}]}, ("condition 1: ", "ip.cards_1h is a number")),
        ({"when": [{**CONDITION, "field": "currency"}]}, ("condition 1: ", "put the value in quotes")),
        (
            {"when": [CONDITION, {"field": "currency", "operator": "lt", "value": "USD"}]},
            ("condition 2: ", "use eq or ne"),
        ),
    ],
)
def test_a_mistake_is_named_with_its_place_and_fix(
    changes: dict[str, Any], told: tuple[str, ...], tmp_path: Path
) -> None:
    """An analyst mends the file without reading the program."""
    text = refusal(tmp_path / "rules.yaml", {**GOOD, "name": "first"}, {**GOOD, **changes})
    assert 2 == len(text.splitlines())
    assert f"rule 2 ({changes.get('name', 'card_testing')}): " in text
    for part in told:
        assert part in text


@pytest.mark.parametrize("missing", ["name", "when", "verdict", "reason_code"])
def test_what_is_missing_is_named(missing: str, tmp_path: Path) -> None:
    """Nothing has a default that an analyst did not write."""
    text = refusal(tmp_path / "rules.yaml", {key: value for key, value in GOOD.items() if key != missing})
    assert f"missing required field `{missing}`; add it" in text


def test_every_mistake_is_told_at_once(tmp_path: Path) -> None:
    """Ten rounds for ten mistakes is how a check gets skipped."""
    text = refusal(tmp_path / "rules.yaml", {**GOOD, "verdict": "no"}, GOOD, GOOD, 3)
    assert ["rule 1", "rule 3", "rule 4"] == [line.strip()[:6] for line in text.splitlines()[1:]]
    assert "name is used twice" in text


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rules: []", "list 1 to 64"),
        (yaml.safe_dump({"rules": [GOOD] * (MAX_RULES + 1)}), "holds 65 rules"),
        ("", "has to hold `rules`"),
        ("- a", "has to hold `rules`"),
        ("rules: 3", "has to hold `rules`"),
        ("rules: []\nversion: 2", "has to hold `rules`"),
        ("rules: [", "is no YAML or JSON"),
        ("rules: !!python/object/apply:os.getpid []", "is no YAML or JSON"),
    ],
)
def test_a_file_that_holds_no_rules_is_refused(text: str, told: str, tmp_path: Path) -> None:
    """An empty file must not switch everything off."""
    path = tmp_path / "rules.yaml"
    path.write_text(text)
    with pytest.raises(RulesRefused, match=told):
        checked(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A path is mistyped sooner or later."""
    with pytest.raises(NotFound, match=r"absent\.yaml cannot be read"):
        checked(tmp_path / "absent.yaml")


def test_the_command_checks_without_a_platform(tmp_path: Path) -> None:
    """Rules live in a repository of the analysts; its pipeline has no Kafka."""
    path = written(tmp_path / "rules.yaml", GOOD)
    ended = CliRunner().invoke(cli.app, ("rules", "check", str(path)))
    assert (0, f"{path}: 1 rules, nothing wrong\n") == (ended.exit_code, ended.stdout)
    ended = CliRunner().invoke(cli.app, ("rules", "check", str(path), "--json"))
    assert [GOOD] == json.loads(ended.stdout)["rules"]
    ended = CliRunner().invoke(cli.app, ("rules", "check", str(written(path, {**GOOD, "verdict": "no"}))))
    assert 1 == ended.exit_code
    assert "use one of allow, review, block" in ended.stderr


def test_tables_show_rules_in_their_order() -> None:
    """The order decides."""
    from ops.rules import InForce, Plan

    found = InForce(
        ruleset_id="abc",
        is_default=False,
        deployed_by="ada",
        reason="more",
        rules=DEFAULT_RULES,
        differing_partitions=(1,),
    )
    text = rules_in_force_table(found)
    places = [text.index(f" {rule.name} ") for rule in DEFAULT_RULES]
    assert sorted(places) == places
    assert "partitions 1 differ" in text
    plan = Plan(
        is_dry_run=True,
        ruleset_id="abc",
        replaces="def",
        added=("card_velocity",),
        removed=("old",),
        changed=(),
        rules=DEFAULT_RULES,
        deployed_by="ada",
        reason="more",
    )
    text = rules_plan_table(plan)
    for part in ("abc would replace def", "added: card_velocity", "removed: old", "--execute does it"):
        assert part in text
