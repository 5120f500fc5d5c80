"""What is an amount of money: an integer of minor units and an ISO 4217 currency."""

from collections.abc import Mapping
from typing import Final, NewType

Currency = NewType("Currency", str)

# Active ISO 4217 codes by number of decimal digits of the minor unit. Codes without a minor unit
# (precious metals, bond units, testing) are no money anyone is paid in and are left out.
_CODES_BY_EXPONENT: Final = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    2: """AED AFN ALL AMD AOA ARS AUD AWG AZN BAM BBD BDT BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD CDF
        CHE CHF CHW CNY COP COU CRC CUP CVE CZK DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD
        GTQ GYD HKD HNL HTG HUF IDR ILS INR IRR JMD KES KGS KHR KPW KYD KZT LAK LBP LKR LRD LSL MAD MDL
        MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD PAB PEN PGK PHP PKR
        PLN QAR RON RSD RUB SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TOP
        TRY TTD TWD TZS UAH USD USN UYU UZS VED VES WST XAD XCD XCG YER ZAR ZMW ZWG""",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}

EXPONENTS: Final[Mapping[str, int]] = {
    code: exponent for exponent, codes in _CODES_BY_EXPONENT.items() for code in codes.split()
}
"""Decimal digits of the minor unit by currency code: USD 2, JPY 0, KWD 3 (ISO 4217)."""

_MAX_MAJOR_DIGITS: Final = 10


class MoneyError(ValueError):
    """An amount or currency that is no money here; `param` is "amount" or "currency"."""

    def __init__(self, param: str, message: str) -> None:
        super().__init__(message)
        self.param = param


def parse_currency(code: object) -> Currency:
    """The currency with this upper-case ISO 4217 code. Raises MoneyError for anything else."""
    if not isinstance(code, str) or code not in EXPONENTS:
        raise MoneyError(
            "currency", f"{code!r} is no active ISO 4217 currency code; use three capitals such as USD"
        )
    return Currency(code)


def max_amount_minor(currency: Currency) -> int:
    """The largest amount of one payment in minor units: ten digits of major units."""
    return int(10 ** (_MAX_MAJOR_DIGITS + EXPONENTS[currency])) - 1


def check_amount_minor(amount: object, currency: Currency) -> int:
    """`amount` as a positive whole number of minor units of `currency`.

    Range 1 .. max_amount_minor(currency). Raises MoneyError for floats, strings, booleans,
    zero, negatives and amounts above the limit.
    """
    if not isinstance(amount, int) or isinstance(amount, bool):
        raise MoneyError("amount", "amount must be an integer of minor units, for example 2599 for USD 25.99")
    if amount <= 0:
        raise MoneyError("amount", "amount must be at least 1 minor unit")
    if amount > max_amount_minor(currency):
        raise MoneyError(
            "amount", f"amount must be at most {max_amount_minor(currency)} minor units of {currency}"
        )
    return amount


def format_amount(amount_minor: int, currency: Currency) -> str:
    """Human reading of an amount, such as `25.99 USD` or `-0.005 KWD`; for reports only, never parsed back."""
    exponent = EXPONENTS[currency]
    sign, digits = ("-" if amount_minor < 0 else ""), str(abs(amount_minor)).rjust(exponent + 1, "0")
    major = digits if exponent == 0 else f"{digits[:-exponent]}.{digits[-exponent:]}"
    return f"{sign}{major} {currency}"
