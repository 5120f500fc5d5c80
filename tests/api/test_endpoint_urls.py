"""Which webhook URLs are taken, and is the fix told for those that are not?"""

import pytest

from api.endpoint_urls import checked_url
from api.problems import Problem

GOOD = [
    "https://shop.example.com/hooks",
    "https://shop.example.com",
    "https://shop.example.com:8443/hooks?a=b",
    "https://shop.example.com:9000/",
    "https://xn--bcher-kva.example/",
    "https://8.8.8.8/",
    "https://[2606:4700:4700::1111]/",
]
TEST_ONLY = [
    "http://localhost:4242/hooks",
    "http://127.0.0.1:4242/",
    "http://[::1]:4242/",
    "https://localhost:4242/",
    "https://127.0.0.1/",
]
BAD = [
    ("", "absolute"),
    ("shop.example.com", "absolute"),
    ("https:///hooks", "URL"),
    ("ftp://shop.example.com/", "https only"),
    ("http://shop.example.com/", "https only"),
    ("http://10.0.0.1:8080/", "https only"),
    ("https://user:pw@shop.example.com/", "user"),
    ("https://user@shop.example.com/", "user"),
    ("https://:pw@shop.example.com/", "user"),
    ("https://shop.example.com/#x", "fragment"),
    ("https://shop.example.com:22/", "port"),
    ("https://shop.example.com:80/", "port"),
    ("https://shop.example.com:99999/", "URL"),
    ("https://shop.example.com:0/", "port"),
    ("https://10.0.0.1/", "public address"),
    ("https://169.254.169.254/latest/meta-data/", "public address"),
    ("https://[::ffff:127.0.0.1]/", "public address"),
    ("https://[::ffff:169.254.169.254]/", "public address"),
    ("https://[fd00:ec2::254]/", "public address"),
    ("https://[fe80::1%25eth0]/", "public"),
    ("https://0.0.0.0/", "public address"),
    ("https://2130706433/", "name known"),
    ("https://127.1/", "name known"),
    ("https://0x7f000001/", "name known"),
    ("https://0177.0.0.1/", "name known"),
    ("https://shop/", "name known"),
    ("https://metadata.google.internal/", "name known"),
    ("https://printer.local/", "name known"),
    ("https://a.localhost/", "name known"),
    ("https://shop.example.com./", "name known"),
    ("https://-shop.example.com/", "name known"),
    ("https://sh_op.example.com/", "name known"),
    ("https://" + "a." * 130 + "com/", "name known"),
    ("https://shop.example.com/a b", "printable"),
    ("https://shop.example.com/\n", "printable"),
    ("https://shop.example.com\\@evil.example/", "printable"),
    ("https://bücher.example/", "printable"),
    ("https://shop.example.com/" + "a" * 1024, "1024"),
]


@pytest.mark.parametrize("url", GOOD)
def test_public_https_is_taken(url: str) -> None:
    """In both modes, and checking again changes nothing."""
    taken = checked_url(url, "live")
    assert taken == checked_url(url, "test") == checked_url(taken, "live")


@pytest.mark.parametrize("url", TEST_ONLY)
def test_this_machine_is_taken_in_test_mode_only(url: str) -> None:
    """A developer tries webhooks before there is a certificate."""
    checked_url(url, "test")
    with pytest.raises(Problem):
        checked_url(url, "live")


@pytest.mark.parametrize(("url", "fix"), BAD)
def test_everything_else_is_refused_with_its_fix(url: str, fix: str) -> None:
    """The parameter is named, and the refusal says what to write instead."""
    for mode in ("test", "live"):
        with pytest.raises(Problem, match=fix) as refused:
            checked_url(url, mode)  # type: ignore[arg-type]  # both are modes
        assert ("url", 400) == (refused.value.param, refused.value.outcome.value.http_status)
