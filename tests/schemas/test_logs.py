"""Every line of every process is one JSON object with time, level and role, and none tells a secret."""

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import schemas
from schemas.logs import MASK, masked, rendered

ROOT = Path(schemas.__file__).parent.parent

# A process of its own: logging is set up once for all, and its last words come as it ends.
PROGRAM = """
import logging, threading, warnings
import structlog
from confluent_kafka import Producer
from schemas.kafka import producer_settings
from schemas.logs import begin_subject, configure_logs, extend_subject
from streams.engine.errors import StepFailed, end_process

configure_logs("info", role="subject", instance="one")
log = structlog.get_logger("here")
log.info("said", payment_id="pay_1")
begin_subject(request_id="req_1")
extend_subject(merchant_id="mer_1")
log.info("about a request")
logging.getLogger("library").warning("about it too")
begin_subject(request_id="req_2")
log.info("about another")
log.warning("with a secret", header="Authorization: Bearer sk_test_aaaaaaaaaaaa", api_key="whatever")
log.debug("not said")
thread = threading.Thread(target=lambda: log.info("from a thread"))
thread.start(); thread.join()
thread = threading.Thread(target=lambda: 1 / 0)
thread.start(); thread.join()
warnings.warn("warned")
logging.getLogger("library").warning("a library says %s", "op_abcdefghijklmnop", extra={"partition": 3})
producer = Producer(producer_settings("127.0.0.1:1", client_id="subject"))
try:
    producer.list_topics(timeout=1)
except Exception:
    log.exception("no broker")
producer.poll(0)
"""
ENDS = {
    "an error": ("raise RuntimeError('whsec_abcdefghijkl')", 1),
    "the engine": ("end_process(StepFailed('a defect', ids={'payment_id': 'pay_9', 'topic': 't'}))", 65),
}


def lines_of(last_words: str, expected: int) -> list[dict[str, Any]]:
    program = textwrap.dedent(PROGRAM) + last_words
    ended = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert expected == ended.returncode
    assert "" == ended.stdout
    return [json.loads(line) for line in ended.stderr.splitlines()]


@pytest.mark.parametrize("end", ENDS)
def test_every_line_is_json_with_time_level_and_role(end: str) -> None:
    """Whoever searches logs reads all of them with one parser, those of libraries and last words included."""
    lines = lines_of(*ENDS[end])
    for line in lines:
        assert {"time", "level", "role", "event"} <= line.keys(), line
        assert ("subject", "one") == (line["role"], line["instance"])
    told = {str(line["event"]) for line in lines}
    assert {"said", "from a thread", "no broker", "a thread ended by an error"} <= told
    assert "not said" not in told
    assert any("warned" in one for one in told)
    assert any("librdkafka" == line.get("logger") for line in lines)
    assert 3 == next(line["partition"] for line in lines if "partition" in line)
    text = json.dumps(lines)
    assert not any(secret in text for secret in ("sk_test_", "op_abc", "whsec_", "whatever"))


def test_lines_name_what_their_task_is_about() -> None:
    """Whatever is logged while a request is answered is found by its ids, and by no other request's."""
    named = {
        line["event"]: (line.get("request_id"), line.get("merchant_id"))
        for line in lines_of(*ENDS["an error"])
    }
    assert ("req_1", "mer_1") == named["about a request"] == named["about it too"]
    assert ("req_2", None) == named["about another"]
    assert (None, None) == named["said"] == named["from a thread"]


def test_the_last_words_of_the_engine_name_the_message() -> None:
    """An operator has to find the payment that stops a stage."""
    last = lines_of(*ENDS["the engine"])[-1]
    assert ("critical", "pay_9", "t") == (last["level"], last["payment_id"], last["topic"])
    assert "StepFailed" in last["exception"]


def test_what_ends_a_process_is_told_with_its_trace() -> None:
    """The trace is one value of one line, not many lines of another form."""
    last = lines_of(*ENDS["an error"])[-1]
    assert ("critical", "ended by an error") == (last["level"], last["event"])
    assert "RuntimeError" in last["exception"]


SECRETS = [
    ({"event": "key sk_live_0123456789abcdef refused"}, {"event": f"key {MASK} refused"}),
    ({"event": "op_0123456789-_abcdef"}, {"event": MASK}),
    ({"event": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}, {"event": MASK}),
    ({"event": "tok_visa"}, {"event": MASK}),
    ({"header": "Bearer abc.def"}, {"header": f"Bearer {MASK}"}),
    ({"header": "Basic c2tfdGVzdDo="}, {"header": f"Basic {MASK}"}),
    ({"dsn": "postgresql://user:word@host/db"}, {"dsn": f"postgresql://{MASK}@host/db"}),
    ({"dsn": "host=h password=word"}, {"dsn": f"host=h password={MASK}"}),
    ({"Authorization": "anything"}, {"Authorization": MASK}),
    ({"callback_secret": "anything"}, {"callback_secret": MASK}),
    ({"inner": {"list": ["sk_test_abcdefgh"]}}, {"inner": {"list": [MASK]}}),
    ({"raw": b"sk_test_abcdefgh"}, {"raw": f"b'{MASK}'"}),
    ({"error": ValueError("sk_test_abcdefgh")}, {"error": f"ValueError('{MASK}')"}),
]


@pytest.mark.parametrize(("line", "expected"), SECRETS)
def test_what_looks_like_a_secret_is_masked(line: dict[str, Any], expected: dict[str, Any]) -> None:
    """Logs are copied to places where secrets must not go."""
    assert expected == masked(line)
    assert expected == json.loads(rendered(None, "info", line))


@pytest.mark.parametrize(
    "line",
    [
        {"event": "stop_everything_now", "risk_test_score": 1},
        {"payment_id": "pay_00abcdefghijklmnopqrstuvwx", "trace_id": "ab" * 16, "idempotency_key": "order-1"},
        {"api_url": "http://127.0.0.1:8080/v1", "count": 3, "ratio": 0.5, "is_ready": True, "nothing": None},
    ],
)
def test_what_is_no_secret_stays(line: dict[str, Any]) -> None:
    """A masked id would make a line useless."""
    assert line == masked(line)
    assert line == json.loads(rendered(None, "info", line))
