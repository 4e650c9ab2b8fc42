"""The proof that a delivery is the tracker's own."""

import hashlib
import hmac

import pytest

from webhooks.delivery import BadDelivery, verify

PUBLISHED = "It's a Secret to Everybody"
BODY = b"Hello, World!"


def signature(body: bytes, secret: str) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.mark.parametrize(
    ("body", "published"),
    [
        # https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries
        (b"Hello, World!", "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"),
        # https://developer.atlassian.com/cloud/jira/platform/webhooks/
        (b"Hello World!", "sha256=a4771c39fbe90f317c7824e83ddef3caae9cb3d976c214ace1f2937e133263c9"),
    ],
)
def test_published_vectors(body: bytes, published: str) -> None:
    verify(body, published, [PUBLISHED])
    with pytest.raises(BadDelivery):
        verify(body + b" ", published, [PUBLISHED])


@pytest.mark.parametrize("secret", ["new", "old", "sécret 🔑"])
def test_every_accepted_secret_counts(secret: str) -> None:
    verify(BODY, signature(BODY, secret), ["new", "old", "sécret 🔑"])


@pytest.mark.parametrize(
    ("given", "secrets", "why"),
    [
        (None, ["new"], "not signed"),
        ("", ["new"], "not signed"),
        (signature(BODY, "new"), [], "no webhook secret"),
        (signature(BODY, ""), [""], "no webhook secret"),
        (signature(BODY, ""), ["", "new"], "no accepted secret"),
        (signature(BODY, "retired"), ["new", "old"], "no accepted secret"),
        (signature(BODY, "new").removeprefix("sha256="), ["new"], "no accepted secret"),
        (signature(BODY, "new")[:-1], ["new"], "no accepted secret"),
        (signature(BODY, "new").replace("sha256", "sha1"), ["new"], "no accepted secret"),
        ("sha256=ü\xff\u20ac", ["new"], "no accepted secret"),
        ("sha256=\ud800\udcff", ["new"], "no accepted secret"),
    ],
)
def test_what_proves_nothing(given: str | None, secrets: list[str], why: str) -> None:
    with pytest.raises(BadDelivery) as caught:
        verify(BODY, given, secrets)
    assert caught.value.status == 401
    assert why in str(caught.value)
