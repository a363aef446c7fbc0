"""
Settings of a server: what each means, and what it is if nothing is said.

Flags of the command line come before the environment (`DALSEGNO_` and the name in upper case),
and that before the defaults. Read once at start; nothing else reads the environment.
"""

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError, field_validator, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from dalsegno.engine.settings import EngineSettings
from dalsegno.model import failpoint

ENV_PREFIX = "DALSEGNO_"

_MIB = 1024 * 1024


class StartError(Exception):
    """
    The server cannot start; the message is one sentence for the person who started it.
    """


class Settings(BaseSettings):
    """
    All settings of a server. Sources of numbers: the measurements named in each description.
    """

    model_config = SettingsConfigDict(env_prefix=ENV_PREFIX, frozen=True, extra="forbid")

    listen: str = Field(
        "127.0.0.1:7070",
        description="Address to serve on, HOST:PORT; port 0 takes a free one. An address that is "
        "not loopback needs TLS or `insecure`.",
    )
    insecure: bool = Field(
        default=False,
        description="Serve without TLS on an address that others can reach. Anybody who reaches "
        "it can do everything.",
    )
    tls_cert: Path | None = Field(
        None, description="PEM file with the server's certificate chain; needs `tls_key`."
    )
    tls_key: Path | None = Field(
        None, description="PEM file with the private key of the certificate; needs `tls_cert`."
    )
    db: Path = Field(
        Path("dalsegno.db"),
        description="SQLite file that keeps everything; made if it does not exist. One server "
        "at a time may use it.",
    )
    integrity_check: Literal["quick", "full", "off"] = Field(
        "quick",
        description="How an existing database is checked before it is opened: `quick` reads all of "
        "it (1 to 3 s per GB in memory, as long as the disk takes otherwise), `full` also compares "
        "indexes with tables, which takes twice as long, `off` reads what says whose it is.",
    )
    backup_dir: Path | None = Field(
        None,
        description="Folder for the copy that a backup is sent from, which takes as much space as "
        "`db`; if not set, the folder of `db`.",
    )
    log_format: Literal["console", "json"] = Field(
        "console",
        description="How logs are written to stderr: `console` for people, `json` for machines, "
        "one object per line.",
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="Least important level that is logged."
    )
    tracing: bool = Field(
        default=False,
        description="Make an OpenTelemetry span for every call. Where they go is up to the "
        "OpenTelemetry SDK of the process; without one they go nowhere, and still cost.",
    )
    loop_lag_ms: int = Field(
        200,
        ge=20,
        description="Milliseconds for which the event loop may keep everybody waiting; longer is "
        "logged, and who keeps it.",
    )
    heartbeat_s: float = Field(
        15.0,
        gt=0,
        description="Seconds without an event after which a stream sends a heartbeat. Proxies "
        "commonly cut streams that are idle for 30 or 60 s.",
    )
    drain_s: float = Field(
        0.0,
        ge=0,
        description="Seconds between the health service saying NOT_SERVING and the end of the "
        "streams when the server stops. Give a load balancer its polling interval.",
    )
    stop_grace_s: float = Field(
        10.0,
        ge=0,
        description="Seconds that step bodies, and then calls, may take to finish when the server "
        "stops. What does not finish is done again after the next start.",
    )
    payload_bytes_max: int = Field(
        2 * _MIB,
        ge=1,
        le=3 * _MIB,
        description="Bytes of JSON text that one payload may have. Two have to fit into a message "
        "at their default.",
    )
    bodies_max: int = Field(
        64, ge=1, description="Plain-function bodies that run at once, each on a worker thread."
    )
    wait_in_memory_s: float = Field(
        2.0,
        ge=0,
        description="A run whose timers are due within so many seconds stays in memory; one that "
        "waits longer is put down, and read again when it is due.",
    )
    runs_max: int = Field(
        10_000,
        ge=1,
        description="Runs in progress at once; further ones wait as pending. Suspended, paused and "
        "finished runs, and those that wait for long, do not count.",
    )
    runs_pending_max: int = Field(
        100_000,
        ge=0,
        description="Runs that wait until there is room; a further one is refused as "
        "TOO_MANY_RUNS. They take no memory, but are counted now and then.",
    )
    recoveries_max: int = Field(
        10,
        ge=1,
        description="How often in a row the server of a run may die before the run has got any "
        "further. The next time the run ends as failed, for it may be what kills the server.",
    )
    lease_s: float = Field(
        15.0,
        gt=0,
        description="Seconds for which a server is taken for alive after it last said so, which "
        "it does three times as often. Then others may take over its runs.",
    )
    events_max: int = Field(
        1_000_000,
        ge=2,
        le=2**31,
        description="Events that one run may have. A run that reaches it ends as failed, with the "
        "error TooManyEvents; a Resume that has no room is refused as TOO_MANY_EVENTS.",
    )
    view_records_max: int = Field(
        1000,
        ge=1,
        description="Records shown with a run; a run that has more says `steps_truncated`, and "
        "ListSteps has them all.",
    )
    message_bytes_max: int = Field(
        4 * _MIB,
        ge=64 * 1024,
        le=4 * _MIB,
        description="Bytes of one message, in both directions. Clients refuse more than 4 MiB "
        "unless told otherwise, so answers are made to fit.",
    )
    metadata_bytes_max: int = Field(
        8 * 1024,
        ge=1024,
        description="Bytes of metadata that a call may bring, its path and 32 for each entry "
        "included. gRPC refuses more.",
    )
    calls_per_connection_max: int = Field(
        256,
        ge=2,
        description="Calls and streams at once on one connection; more wait in the client. Without "
        "a limit one connection can open calls until memory is full. Above "
        "`streams_per_connection_max`, so that streams leave room for calls.",
    )
    streams_per_connection_max: int = Field(
        200,
        ge=1,
        description="Streams at once on one connection; a further one is refused as "
        "TOO_MANY_STREAMS. All clients of a proxy may share its connections.",
    )
    streams_max: int = Field(
        10_000,
        ge=1,
        description="Streams at once in all; a further one is refused as TOO_MANY_STREAMS. "
        "Watchers of health do not count.",
    )
    stream_write_s: float = Field(
        30.0,
        gt=0,
        description="Seconds that a message of a stream waits for its reader; then the stream "
        "ends as READER_STALLED, for clients to attach again where they were.",
    )
    keepalive_s: float = Field(
        20.0,
        gt=0,
        description="Seconds without traffic after which the server pings a client. Without pings "
        "nobody notices a peer that has vanished.",
    )
    keepalive_timeout_s: float = Field(
        10.0,
        gt=0,
        description="Seconds a client may take to answer a ping before its connection is closed.",
    )
    ping_interval_s_min: float = Field(
        5.0,
        gt=0,
        description="Seconds between pings that a client may send; one that pings more often is "
        "cut off. At most half of what clients use.",
    )
    connection_idle_s_max: float = Field(
        0.0,
        ge=0,
        description="Seconds after which a connection without calls is closed; 0 for never.",
    )
    connection_age_s_max: float = Field(
        0.0,
        ge=0,
        description="Seconds after which a client is asked to connect anew, so that connections "
        "spread over servers; streams are cut a minute later. 0 for never: with one server there "
        "is nothing to spread.",
    )

    failpoints: str = Field(
        "",
        description="A testing aid: where this server dies, fails or dawdles on purpose, such as "
        "`commit.after=kill@17`. Empty in every server that is used.",
    )

    @field_validator("failpoints")
    @classmethod
    def _is_readable(cls, failpoints: str) -> str:
        failpoint.check(failpoints)
        return failpoints

    @field_validator("listen")
    @classmethod
    def _is_address(cls, listen: str) -> str:
        split_address(listen)
        return listen

    @model_validator(mode="after")
    def _has_whole_tls(self) -> "Settings":
        if (self.tls_cert is None) != (self.tls_key is None):
            message = "tls_cert and tls_key must be given together"
            raise ValueError(message)
        return self

    @model_validator(mode="after")
    def _leaves_room_for_calls(self) -> "Settings":
        if self.calls_per_connection_max <= self.streams_per_connection_max:
            message = (
                "calls_per_connection_max must be above streams_per_connection_max: else streams "
                "leave no room for calls"
            )
            raise ValueError(message)
        return self

    @property
    def has_tls(self) -> bool:
        return self.tls_cert is not None

    def engine(self) -> EngineSettings:
        """
        The part the engine needs.
        """
        return EngineSettings(
            payload_bytes_max=self.payload_bytes_max,
            bodies_max=self.bodies_max,
            wait_in_memory=timedelta(seconds=self.wait_in_memory_s),
            runs_max=self.runs_max,
            runs_pending_max=self.runs_pending_max,
            recoveries_max=self.recoveries_max,
            lease=timedelta(seconds=self.lease_s),
            events_max=self.events_max,
            view_records_max=self.view_records_max,
        )


def load(**given: Any) -> Settings:
    """
    The settings of this process; *given* come first, those that are None count as not given.

    Raises:
        StartError: A setting has no such value, or there is no such setting.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        raise StartError("; ".join(_sentences(error, given))) from None


def _sentences(error: ValidationError, given: dict[str, Any]) -> list[str]:
    sentences = []
    for problem in error.errors():
        name = ".".join(str(part) for part in problem["loc"])
        text = problem["msg"].removeprefix("Value error, ")
        if not name:
            sentences.append(text)
        elif given.get(name) is not None:
            sentences.append(f"{name}: {text} (given: {problem['input']})")
        else:
            sentences.append(f"{ENV_PREFIX}{name.upper()}: {text} (given: {problem['input']})")
    return sentences


def split_address(listen: str) -> tuple[str, int]:
    """
    Host and port of ``HOST:PORT`` or ``[IPV6]:PORT``.

    Raises:
        ValueError: It is neither.
    """
    host, colon, port = listen.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    is_bracketed = host == f"[{bare}]"
    if not colon or not bare or is_bracketed != (":" in bare):
        message = "is not HOST:PORT, such as 127.0.0.1:7070 or [::1]:7070"
        raise ValueError(message)
    if not (port.isascii() and port.isdigit() and int(port) <= 65535):
        message = f"has the port {port!r}, which is no number from 0 to 65535"
        raise ValueError(message)
    return bare, int(port)


def is_loopback(host: str) -> bool:
    """
    Whether only this machine reaches the host.
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True, slots=True)
class Described:
    """
    One setting as `dalsegno config` prints it.
    """

    name: str
    env: str
    default: str
    value: str
    doc: str


def describe(settings: Settings) -> Sequence[Described]:
    """
    Every setting with its documentation, default and value, in the order they are declared.
    """
    return [
        Described(
            name=name,
            env=f"{ENV_PREFIX}{name.upper()}",
            default=_shown(field.default),
            value=_shown(getattr(settings, name)),
            doc=field.description or "",
        )
        for name, field in Settings.model_fields.items()
    ]


def _shown(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case _:
            return str(value)
