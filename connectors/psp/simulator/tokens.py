"""Which test tokens exist, and how does the provider treat a call with each?"""

from dataclasses import dataclass
from enum import Enum, auto


class Behaviour(Enum):
    """What a token makes the provider do with an authorize or sale."""

    SUCCEED = auto()
    DECLINE = auto()
    ACT_THEN_HANG = auto()
    HANG_UNDER_FIRST_KEY = auto()
    UNAVAILABLE_TWICE = auto()
    ACT_SLOWLY = auto()
    REQUIRE_ACTION = auto()


@dataclass(frozen=True, slots=True)
class TestToken:
    """A token, what it is good for in one line, and its behaviour."""

    __test__ = False  # The name begins like a test class, which test collectors would pick up.

    token: str
    meaning: str
    behaviour: Behaviour


TEST_TOKENS: tuple[TestToken, ...] = (
    TestToken("tok_visa", "Succeeds.", Behaviour.SUCCEED),
    TestToken("tok_mastercard", "Succeeds.", Behaviour.SUCCEED),
    TestToken("tok_insufficient_funds", "Declined: the card has too little money.", Behaviour.DECLINE),
    TestToken("tok_lost_card", "Declined: the card is reported lost.", Behaviour.DECLINE),
    TestToken("tok_stolen_card", "Declined: the card is reported stolen.", Behaviour.DECLINE),
    TestToken("tok_expired_card", "Declined: the card has expired.", Behaviour.DECLINE),
    TestToken("tok_incorrect_cvc", "Declined: the security code is wrong.", Behaviour.DECLINE),
    TestToken("tok_processing_error", "Declined: the card could not be processed.", Behaviour.DECLINE),
    TestToken("tok_do_not_honor", "Declined: the issuer gives no reason.", Behaviour.DECLINE),
    TestToken("tok_fraudulent", "Declined: fraud is suspected.", Behaviour.DECLINE),
    TestToken(
        "tok_psp_timeout_then_success",
        "The provider acts and never answers; a query finds the success.",
        Behaviour.ACT_THEN_HANG,
    ),
    TestToken(
        "tok_psp_timeout_then_nothing",
        "The payment's first key never acts nor answers; any other key succeeds.",
        Behaviour.HANG_UNDER_FIRST_KEY,
    ),
    TestToken(
        "tok_psp_5xx_twice",
        "The payment's first two calls are answered 503, not executed; the third succeeds.",
        Behaviour.UNAVAILABLE_TWICE,
    ),
    TestToken("tok_psp_slow", "Succeeds after a delay.", Behaviour.ACT_SLOWLY),
    TestToken(
        "tok_requires_action",
        "The customer has to authenticate at the returned address before it succeeds or is declined.",
        Behaviour.REQUIRE_ACTION,
    ),
)
"""Every token with a behaviour of its own; any other `tok_...` succeeds."""

_BEHAVIOURS = {test_token.token: test_token.behaviour for test_token in TEST_TOKENS}


def behaviour_of(token: str | None) -> Behaviour:
    """The behaviour of a token; operations without one, and unknown tokens, succeed."""
    return Behaviour.SUCCEED if token is None else _BEHAVIOURS.get(token, Behaviour.SUCCEED)


def decline_code(token: str) -> str:
    """A declining token is named after its code: tok_lost_card -> lost_card."""
    return token.removeprefix("tok_")
