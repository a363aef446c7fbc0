"""
Settings: where they come from, and that each is explained.
"""

from datetime import timedelta
from pathlib import Path

import pytest

from dalsegno.config import (
    Settings,
    StartError,
    describe,
    is_loopback,
    load,
    split_address,
)
from dalsegno.engine import EngineSettings


def test_flags_come_before_the_environment_and_that_before_defaults(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DALSEGNO_BODIES_MAX", "7")
    monkeypatch.setenv("DALSEGNO_HEARTBEAT_S", "3")
    monkeypatch.setenv("DALSEGNO_SERVER", "127.0.0.1:1")  # the client's

    settings = load(bodies_max=8, db=None)

    assert (settings.bodies_max, settings.heartbeat_s) == (8, 3)
    assert settings.db == Path("dalsegno.db")


def test_settings_do_not_change() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Settings().db = Path("other.db")  # type: ignore[misc] # that is the point


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"listen": "7070"}, "listen: is not HOST:PORT"),
        ({"listen": "::1:7070"}, "listen: is not HOST:PORT"),
        ({"listen": ":7070"}, "listen: is not HOST:PORT"),
        ({"listen": "[localhost]:7070"}, "listen: is not HOST:PORT"),
        ({"listen": "localhost:70000"}, "listen: has the port '70000'"),
        ({"listen": "localhost:http"}, "listen: has the port 'http'"),
        ({"listen": "localhost:²"}, "listen: has the port '²'"),
        ({"tls_cert": "cert.pem"}, "tls_cert and tls_key must be given together"),
        ({"bodies_max": 0}, "bodies_max: "),
        ({"payload_bytes_max": 2**30}, "payload_bytes_max: "),
        ({"log_format": "xml"}, "log_format: "),
        ({"lisen": "x"}, "lisen: "),
    ],
)
def test_a_wrong_setting_is_a_sentence(given: dict[str, object], sentence: str) -> None:
    with pytest.raises(StartError) as refused:
        load(**given)

    assert str(refused.value).startswith(sentence)
    assert "\n" not in str(refused.value)


def test_a_wrong_variable_is_named_as_such(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DALSEGNO_BODIES_MAX", "many")

    with pytest.raises(StartError, match=r"^DALSEGNO_BODIES_MAX: .* \(given: many\)$"):
        load()


@pytest.mark.parametrize(
    ("listen", "host", "port"),
    [
        ("127.0.0.1:0", "127.0.0.1", 0),
        ("localhost:65535", "localhost", 65535),
        ("[::1]:7070", "::1", 7070),
    ],
)
def test_an_address_is_a_host_and_a_port(listen: str, host: str, port: int) -> None:
    assert split_address(listen) == (host, port)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost"])
def test_loopback_is_known(host: str) -> None:
    assert is_loopback(host)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "10.0.0.1", "example.org", "localhost.org"])
def test_what_others_reach_is_known(host: str) -> None:
    assert not is_loopback(host)


def test_every_setting_is_explained_with_its_default_and_value() -> None:
    described = {it.name: it for it in describe(Settings(bodies_max=3))}

    assert set(described) == set(Settings.model_fields)
    assert all(it.doc.endswith(".") and len(it.doc) > 20 for it in described.values())
    bodies = described["bodies_max"]
    assert (bodies.env, bodies.default, bodies.value) == ("DALSEGNO_BODIES_MAX", "64", "3")
    assert (described["tracing"].default, described["tls_cert"].default) == ("false", "")


@pytest.mark.parametrize("name", [it for it in Settings.model_fields if "_s" in it])
def test_the_unit_of_a_number_is_in_its_explanation(name: str) -> None:
    field = Settings.model_fields[name]

    if field.annotation is float:
        assert (field.description or "").startswith(("Seconds", "A run whose timers"))


def test_the_engine_is_given_its_part() -> None:
    settings = Settings(
        payload_bytes_max=10, bodies_max=2, wait_in_memory_s=0.5, view_records_max=5
    )

    assert settings.engine() == EngineSettings(
        payload_bytes_max=10,
        bodies_max=2,
        wait_in_memory=timedelta(seconds=0.5),
        view_records_max=5,
    )


def test_the_defaults_are_the_engines_own() -> None:
    assert Settings().engine() == EngineSettings()
