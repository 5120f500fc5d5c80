"""Which risk rules are in force, is a file of them right, and how do they come into force?"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, get_args

import msgspec
import yaml

from ops import broadcast
from ops.errors import NotFound, RulesRefused
from schemas import topics
from schemas.risk import Condition, Operator, Rule, RulesDeployed, Verdict
from schemas.settings import Settings
from streams.risk.default_rules import DEFAULT_RULESET
from streams.risk.rules import FIELDS, mismatch, ruleset

MAX_RULES: Final = 64

_CONDITION: Final = re.compile(r"^when\[(\d+)\]")
_FIXES: Final[Mapping[str, str]] = {
    "field": f"use one of {', '.join(FIELDS)}",
    "operator": f"use one of {', '.join(get_args(Operator))}",
    "verdict": f"use one of {', '.join(get_args(Verdict))}",
    "value": "give a whole number, or a text of at most 255 characters in quotes",
    "name": "begin with a lower-case letter; use at most 64 of a-z, 0-9 and _",
    "condition": "give field, operator and value",
    "when": "list one to eight conditions, each with field, operator and value",
    "reason_code": "give a text of at most 64 characters",
}


class InForce(msgspec.Struct, frozen=True, kw_only=True):
    """The rules that decide now. is_default: none were ever deployed.

    differing_partitions: those that were told other rules last than the first, because a deployment broke off.
    """

    ruleset_id: str
    is_default: bool
    deployed_by: str
    reason: str
    rules: tuple[Rule, ...]
    differing_partitions: tuple[int, ...] = ()


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """What a deployment does, or did."""

    is_dry_run: bool
    ruleset_id: str
    replaces: str
    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]
    rules: tuple[Rule, ...]
    deployed_by: str
    reason: str


def in_force(settings: Settings) -> InForce:
    """The rules deployed last, or the program's own. Raises KafkaException, LogUnreadable."""
    told: Mapping[int, RulesDeployed] = broadcast.last(settings, topics.RISK_RULES)
    deployed = told.get(0, DEFAULT_RULESET)
    return InForce(
        ruleset_id=ruleset(deployed.rules).ruleset_id,
        is_default=not told,
        deployed_by=deployed.deployed_by,
        reason=deployed.reason,
        rules=deployed.rules,
        differing_partitions=tuple(
            one
            for one in range(settings.partitions)
            if told.get(one, DEFAULT_RULESET).rules != deployed.rules
        ),
    )


def checked(file: Path) -> tuple[Rule, ...]:
    """The rules of a YAML or JSON file. Raises NotFound, RulesRefused naming every mistake and its fix."""
    listed = _listed(file)
    rules: list[Rule] = []
    problems: list[str] = []
    for number, plain in enumerate(listed, 1):
        place = f"rule {number}{_name_of(plain)}"
        try:
            rule = msgspec.convert(plain, Rule)
        except msgspec.ValidationError as error:
            problems.append(f"{place}: {_explained(str(error))}")
            continue
        if any(rule.name == other.name for other in rules):
            problems.append(f"{place}: name is used twice; give every rule a name of its own")
        problems.extend(f"{place}: {told}" for told in _mismatches(rule))
        rules.append(rule)
    if problems:
        raise RulesRefused("\n".join((f"{file} cannot be deployed:", *(f"  {one}" for one in problems))))
    return tuple(rules)


def deploy(settings: Settings, file: Path, *, reason: str, is_dry_run: bool) -> Plan:
    """Tell every task of risk these rules, audited; or only say what that would do.

    Raises what `checked` and `in_force` raise, NotRunning when the broker did not take it all.
    """
    rules, before = checked(file), in_force(settings)
    body = RulesDeployed(
        ruleset_id=ruleset(rules).ruleset_id, rules=rules, deployed_by=broadcast.user(), reason=reason
    )
    if not is_dry_run:
        broadcast.write(settings, topics.RISK_RULES, body, key=body.ruleset_id, decided_by=body.deployed_by)
    old = {rule.name: rule for rule in before.rules}
    new = {rule.name: rule for rule in rules}
    return Plan(
        is_dry_run=is_dry_run,
        ruleset_id=body.ruleset_id,
        replaces=before.ruleset_id,
        added=tuple(name for name in new if name not in old),
        removed=tuple(name for name in old if name not in new),
        changed=tuple(name for name in new if name in old and new[name] != old[name]),
        rules=rules,
        deployed_by=body.deployed_by,
        reason=reason,
    )


def _listed(file: Path) -> list[Any]:
    try:
        text = file.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"{file} cannot be read: {error}") from error
    try:
        plain = json.loads(text) if file.suffix == ".json" else yaml.safe_load(text)
    except (json.JSONDecodeError, yaml.YAMLError) as error:
        raise RulesRefused(f"{file} is no YAML or JSON: {error}") from error
    if not isinstance(plain, dict) or set(plain) != {"rules"} or not isinstance(plain["rules"], list):
        raise RulesRefused(f"{file} has to hold `rules`, a list of rules, and nothing else")
    listed: list[Any] = plain["rules"]
    if not 1 <= len(listed) <= MAX_RULES:
        raise RulesRefused(
            f"{file} holds {len(listed)} rules; list 1 to {MAX_RULES}. "
            "To let everything pass, deploy one rule whose verdict is allow"
        )
    return listed


def _name_of(plain: Any) -> str:
    name = plain.get("name") if isinstance(plain, dict) else None
    return f" ({name})" if isinstance(name, str) else ""


def _mismatches(rule: Rule) -> Iterator[str]:
    for number, condition in enumerate(rule.when, 1):
        told = mismatch(condition)
        if told is not None:
            yield f"condition {number}: {told}"


def _explained(error: str) -> str:
    """A message of the decoder with the place in words of the file, and the fix."""
    what, _, path = error.partition(" - at `$")
    place = _CONDITION.sub(lambda found: f"condition {int(found[1]) + 1}", path.rstrip("`").lstrip("."))
    prefix = f"{place.replace('.', ', ')}: " if place else ""
    if "missing required field" in what:
        return f"{prefix}{what}; add it"
    if "unknown field" in what:
        known = Condition if place.startswith("condition") else Rule
        return f"{prefix}{what}; use {', '.join(known.__struct_fields__)}"
    fix = _FIXES.get(
        place.rpartition(".")[2].partition(" ")[0], "give a mapping of " + ", ".join(Rule.__struct_fields__)
    )
    return f"{prefix}{what}; {fix}"
