"""Which metrics exist: every name with its kind, labels and meaning; no process exposes another."""

from typing import Final, Literal, NamedTuple


class Metric(NamedTuple):
    """One metric as Prometheus sees it; units are the last word of the name."""

    name: str
    kind: Literal["counter", "gauge", "histogram"]
    labels: tuple[str, ...]
    meaning: str


API_ANSWERS: Final = Metric("api_answers", "counter", ("route", "status"), "Answers by route and HTTP status")
API_ANSWER_DURATION: Final = Metric(
    "api_answer_duration_seconds", "histogram", ("route",), "Time from accepting a request to its answer"
)
API_COMMANDS_IN_FLIGHT: Final = Metric(
    "api_commands_in_flight", "gauge", (), "Commands that wait for their result"
)
STAGE_HANDLED_RECORDS: Final = Metric(
    "stage_handled_records",
    "gauge",
    ("stage", "partition"),
    "Records a task handled since it got its partition",
)
STAGE_TRANSACTIONS: Final = Metric(
    "stage_transactions", "gauge", ("stage", "partition"), "Transactions a task has committed in its life"
)

ALL: Final = (
    API_ANSWERS,
    API_ANSWER_DURATION,
    API_COMMANDS_IN_FLIGHT,
    STAGE_HANDLED_RECORDS,
    STAGE_TRANSACTIONS,
)
