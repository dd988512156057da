"""Settings: where they come from, and what a bad one is told."""

from __future__ import annotations

import pytest

from app.settings import Settings, SettingsError, from_environment, variable


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Settings.model_fields:
        monkeypatch.delenv(variable(name), raising=False)


def test_without_any_variable_it_listens_on_this_machine_only() -> None:
    settings = from_environment()
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.workers is None
    assert settings.frame_ancestors == "'none'"


def test_host_and_port_go_with_and_without_the_prefix(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "81")
    monkeypatch.setenv("HOST", "0.0.0.0")
    assert (from_environment().host, from_environment().port) == ("0.0.0.0", 81)
    monkeypatch.setenv("DROPOUT_LAB_PORT", "82")
    assert from_environment().port == 82


def test_an_empty_variable_is_as_good_as_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "")
    monkeypatch.setenv("DROPOUT_LAB_WORKERS", "")
    assert from_environment().port == 8000


def test_origins_are_separated_by_spaces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DROPOUT_LAB_ALLOWED_ORIGINS", "https://a.example http://b.example:81")
    assert from_environment().origins == {"https://a.example", "http://b.example:81"}


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("PORT", "http", "a whole number from 0 to 65,535"),
        ("PORT", "65536", "a whole number from 0 to 65,535"),
        ("DROPOUT_LAB_WORKERS", "0", "a whole number from 1 to 64"),
        ("DROPOUT_LAB_DEVICE", "gpu", "one of auto, cpu, cuda, mps"),
        ("DROPOUT_LAB_MAX_RUNS", "1.5", "a whole number from 1 to 10,000"),
        ("DROPOUT_LAB_UNWATCHED_PAUSE_S", "nan", "a number from 0 to 86,400"),
        ("DROPOUT_LAB_RUN_IDLE_MINUTES", "-1", "a number from 0.01 to 10,080"),
        ("DROPOUT_LAB_ALLOWED_ORIGINS", "course.example", "origins such as https://course.example"),
        ("DROPOUT_LAB_ALLOWED_ORIGINS", "https://course.example/", "origins such as https://course.example"),
        ("DROPOUT_LAB_FRAME_ANCESTORS", "'self'; script-src *", "the sources of a CSP frame-ancestors directive"),
        ("DROPOUT_LAB_LOG_LEVEL", "loud", "one of debug, info, warning, error"),
    ],
)
def test_a_bad_value_names_the_variable_the_value_and_what_is_allowed(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, allowed: str
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(SettingsError) as refused:
        from_environment()
    message = str(refused.value)
    assert message.startswith(f"{name}={value!r} is not allowed: it must be {allowed}")
    assert "\n" not in message
