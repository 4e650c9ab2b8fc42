"""Secrets: from the environment or from files, every lack named, and never shown anywhere."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from integrator.config import Config, GitHubConfig, JiraConfig
from integrator.credentials import Secrets, secret_faults, secrets_of
from integrator.yaml_file import ConfigError
from tests.connected import P0_FORM, REPO, company
from tests.contracts import Recorder
from tests.installation import wait_for

HUB = Config(trackers={"hub": GitHubConfig(kind="github", repositories=("acme/shop",))})
CLOUD = Config(trackers={"ops": JiraConfig(kind="jira", url="https://x", projects=("OPS",))})
CENTER = Config(trackers={"ops": JiraConfig(kind="jira", url="https://x", projects=("OPS",), product="data-center")})
APP = {"INTEGRATOR_HUB_APP_ID": "1", "INTEGRATOR_HUB_INSTALLATION_ID": "2", "INTEGRATOR_HUB_PRIVATE_KEY": "pem"}
SIGNED = {"INTEGRATOR_HUB_WEBHOOK_SECRETS": "s", "INTEGRATOR_OPS_WEBHOOK_SECRETS": "s"}


def test_everything_from_the_environment() -> None:
    environ = {f"INTEGRATOR_HUB_{key}": key.lower() for key in ("TOKEN", "EMAIL", "APP_ID", "INSTALLATION_ID")}
    environ |= {"INTEGRATOR_HUB_WEBHOOK_SECRETS": " new , old,, ", "INTEGRATOR_HUB_PRIVATE_KEY": "a\\nb"}
    found = secrets_of("hub", environ)
    assert found == Secrets(("new", "old"), "token", "email", "app_id", "installation_id", "a\nb")
    assert secrets_of("other", environ) == Secrets((), "", "", "", "", "")


def test_everything_from_files(tmp_path: Path) -> None:
    environ = {}
    for key in ("WEBHOOK_SECRETS", "TOKEN", "EMAIL", "APP_ID", "INSTALLATION_ID", "PRIVATE_KEY"):
        (tmp_path / key).write_text(f"{key.lower()}\n", encoding="utf-8")
        environ[f"INTEGRATOR_HUB_{key}_FILE"] = str(tmp_path / key)
    expected = Secrets(("webhook_secrets",), "token", "email", "app_id", "installation_id", "private_key")
    assert secrets_of("hub", environ) == expected


def test_the_variable_goes_before_the_file_unless_it_is_empty(tmp_path: Path) -> None:
    (tmp_path / "token").write_text("from the file", encoding="utf-8")
    environ = {"INTEGRATOR_HUB_TOKEN": "from the variable", "INTEGRATOR_HUB_TOKEN_FILE": str(tmp_path / "token")}
    assert secrets_of("hub", environ).token == "from the variable"
    assert secrets_of("hub", {**environ, "INTEGRATOR_HUB_TOKEN": ""}).token == "from the file"
    assert secrets_of("hub", {"INTEGRATOR_HUB_TOKEN": "", "INTEGRATOR_HUB_TOKEN_FILE": ""}).token == ""


def test_every_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfehidden")
    environ = {
        "INTEGRATOR_HUB_TOKEN_FILE": str(tmp_path / "missing"),
        "INTEGRATOR_HUB_WEBHOOK_SECRETS_FILE": str(tmp_path),
        "INTEGRATOR_HUB_PRIVATE_KEY_FILE": str(tmp_path / "binary"),
    }
    expected = [
        f"environment INTEGRATOR_HUB_WEBHOOK_SECRETS_FILE: {tmp_path} cannot be read (Is a directory)",
        f"environment INTEGRATOR_HUB_TOKEN_FILE: {tmp_path}/missing cannot be read (No such file or directory)",
        f"environment INTEGRATOR_HUB_PRIVATE_KEY_FILE: {tmp_path}/binary is not UTF-8 text",
    ]
    with pytest.raises(ConfigError) as caught:
        secrets_of("hub", environ)
    assert [str(fault) for fault in caught.value.faults] == expected
    assert [str(fault) for fault in secret_faults(HUB, environ)] == expected


LACKS = [
    (HUB, SIGNED | {"INTEGRATOR_HUB_TOKEN": "t"}, []),
    (HUB, SIGNED | APP, []),
    (HUB, {}, ["HUB_WEBHOOK_SECRETS: is missing; deliveries are signed", "HUB_TOKEN: is missing (or, for a GitHub"]),
    (HUB, SIGNED | APP | {"INTEGRATOR_HUB_PRIVATE_KEY": ""}, ["HUB_PRIVATE_KEY: is missing; a GitHub App needs it"]),
    (HUB, SIGNED | {"INTEGRATOR_HUB_APP_ID": "1"}, ["HUB_INSTALLATION_ID: is missing", "HUB_PRIVATE_KEY: is missing"]),
    (
        HUB,
        SIGNED | APP | {"INTEGRATOR_HUB_APP_ID": "x", "INTEGRATOR_HUB_INSTALLATION_ID": "ghp_hidden"},
        ["HUB_APP_ID: is not a number", "HUB_INSTALLATION_ID: is not a number"],
    ),
    (
        CLOUD,
        {},
        ["OPS_WEBHOOK_SECRETS: is missing", "OPS_TOKEN: is missing", "OPS_EMAIL: is missing; Jira Cloud wants"],
    ),
    (CLOUD, SIGNED | {"INTEGRATOR_OPS_TOKEN": "t", "INTEGRATOR_OPS_EMAIL": "e"}, []),
    (CENTER, SIGNED, ["OPS_TOKEN: is missing"]),
    (CENTER, SIGNED | {"INTEGRATOR_OPS_TOKEN": "t"}, []),
]


@pytest.mark.parametrize(("config", "environ", "lacks"), LACKS)
def test_what_the_environment_lacks_is_named(config: Config, environ: Mapping[str, str], lacks: list[str]) -> None:
    found = [str(fault) for fault in secret_faults(config, environ)]
    assert len(found) == len(lacks), found
    for fault, lack in zip(found, lacks, strict=True):
        assert fault.startswith(f"environment INTEGRATOR_{lack}")


def test_secrets_are_never_in_a_repr() -> None:
    environ = {f"INTEGRATOR_HUB_{key}": "hidden" for key in ("WEBHOOK_SECRETS", "TOKEN", "EMAIL", "PRIVATE_KEY")}
    assert "hidden" not in repr(secrets_of("hub", environ))


def test_a_whole_process_never_says_a_secret(tmp_path: Path, recorder: Recorder) -> None:
    """Good and forged deliveries, writes, a refused login: not a word of it in logs, journal, metrics or errors."""
    secret, token = "unspeakable-secret", "unspeakable-token"
    with company(tmp_path, recorder) as acme:
        acme.integrator.environ |= {"INTEGRATOR_GITHUB_WEBHOOK_SECRETS": secret, "INTEGRATOR_JIRA_TOKEN": token}
        acme.integrator.start()
        acme.github.connect(f"{acme.integrator.url}/webhooks/github", secret)
        number = acme.github.open_issue(REPO, "carol", "Nobody can pay", P0_FORM)
        wait_for(lambda: acme.github.issue(REPO, number).column == "Emergency Queue", acme.integrator.log)
        answers = [acme.integrator.post("github", {"X-Hub-Signature-256": "sha256=0"}, b"{}").text]
        told = [acme.integrator.run("--debug", *command, ok=False) for command in (["doctor"], ["plan", "jira:OPS-1"])]
        assert [done.returncode for done in told] == [1, 1]
        written = [path.read_bytes().decode(errors="replace") for path in tmp_path.iterdir() if path.name != "app.yaml"]
        said = "\n".join([*answers, *written, *(done.stdout + done.stderr for done in told)])
        assert "Nobody" in said or "Emergency Queue" in said
        hidden = [secret, token, *acme.integrator.environ["INTEGRATOR_GITHUB_PRIVATE_KEY"].splitlines()[1:-1]]
        assert [word for word in hidden if word in said] == []
