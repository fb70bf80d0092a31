"""Which systems a person's word means."""

import pytest

from bot.domain.looks import systems

KNOWN = {
    "api": "Trading API",
    "database": "PostgreSQL",
    "redis": "Redis",
    "disk": "Disk",
    "memory": "Memory",
    "cpu": "CPU",
}


@pytest.mark.parametrize(
    ("typed", "names", "said"),
    [
        ("", tuple(KNOWN), ""),
        ("Redis", ("redis",), "Redis"),
        ("postgres", ("database",), "PostgreSQL"),
        ("trading  api", ("api",), "Trading API"),
        ("host", ("disk", "memory", "cpu"), "Host"),
    ],
)
def test_a_word_means_probes(typed: str, names: tuple[str, ...], said: str) -> None:
    """The probe's own name, the name that is shown, or what people say."""
    chosen = systems(typed, KNOWN)
    assert (chosen.names, chosen.said) == (names, said)


def test_an_unknown_word_gets_the_nearest() -> None:
    """A typing error is answered with what was meant; nonsense with nothing."""
    assert systems("rediss", KNOWN).nearest == "redis"
    assert systems("rediss", KNOWN).names == ()
    assert systems("xylophone", KNOWN).nearest == ""
