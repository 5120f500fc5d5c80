"""Which kinds of transactions are there? Every entry template, and there is no other way to make legs.

The entries are those of a payment facilitator that keeps clients' money: gross and then the fee,
every provisional state on an account of its own.
"""

from collections.abc import Mapping
from typing import Final

from streams.ledger.templates import merchants, payments, transfers, treasury
from streams.ledger.templates.form import Template

REVERSAL: Final = "reversal"
"""The mirrored legs of another transaction: no template of its own, each leg is that of the other's."""

TEMPLATES: Final[Mapping[str, Template]] = {
    template.name: template
    for module in (payments, merchants, treasury, transfers)
    for template in vars(module).values()
    if isinstance(template, Template)
}
"""Every template by name."""
