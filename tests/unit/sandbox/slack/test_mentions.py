from typing import Any

import pytest

from sandbox.slack.mentions import notified_by
from sandbox.slack.seed import CTO, ON_CALL, OPS_CHANNEL, PERSONAS, SRE, default_workspace


def notified(**data: Any) -> list[str]:
    workspace = default_workspace()
    return notified_by({"user": "U0ATSBOT", **data}, workspace.channels[OPS_CHANNEL], workspace)


@pytest.mark.parametrize(
    ("text", "people"),
    [
        ("<@U0SRE> look", [SRE]),
        ("<@U0SRE|sam> look", [SRE]),
        ("<!subteam^S0CTO> and <@U0SRE>", [CTO, SRE]),
        ("<!subteam^S0CTO|@cto>", [CTO]),
        ("<!channel>", list(PERSONAS)),
        ("<!here|here>", list(PERSONAS)),
        ("<!everyone>", list(PERSONAS)),
        ("&lt;!channel&gt; &lt;@U0SRE&gt;", []),
        ("@channel @sam <@U0NOBODY> <!subteam^S0NONE> <#C0OPS>", []),
        ("<@U0SRE> <@U0SRE>", [SRE]),
    ],
)
def test_text_mentions(text: str, people: list[str]) -> None:
    """Real mentions notify each person once; escaped and unknown ones notify nobody."""
    assert notified(text=text) == people


def test_author_is_not_notified() -> None:
    """Nobody is notified of their own words."""
    assert notified(text="<!channel>", user=ON_CALL) == [each for each in PERSONAS if each != ON_CALL]


def test_people_outside_the_channel_are_not_notified() -> None:
    """A mention of somebody who is not in the channel reaches nobody."""
    workspace = default_workspace()
    channel = workspace.channels["C0PRIV"]
    assert notified_by({"text": "<@U0SRE> <@U0CTO>", "user": "U0ATSBOT"}, channel, workspace) == [CTO]


def test_blocks_count_and_their_fallback_text_does_not() -> None:
    """With blocks the text is a fallback: mrkdwn mentions in blocks notify, plain text never does."""
    section = {"type": "section", "text": {"type": "mrkdwn", "text": "<@U0SRE>"}}
    header = {"type": "header", "text": {"type": "plain_text", "text": "<!channel>"}}
    assert notified(text="<@U0CTO>", blocks=[section, header]) == [SRE]


def test_rich_text_mentions() -> None:
    """User, user group and broadcast elements of rich text notify."""
    elements = [{"type": "user", "user_id": SRE}, {"type": "usergroup", "usergroup_id": "S0CTO"}]
    section = {"type": "rich_text_section", "elements": elements}
    assert notified(blocks=[{"type": "rich_text", "elements": [section]}]) == [SRE, CTO]


def test_confirmation_dialogs_notify_nobody() -> None:
    """A mention inside a confirmation dialog is shown to the one who presses only."""
    confirm = {"text": {"type": "mrkdwn", "text": "<!channel>"}}
    button = {"type": "button", "text": {"type": "plain_text", "text": "Go"}, "confirm": confirm}
    assert notified(blocks=[{"type": "actions", "elements": [button]}]) == []


def test_direct_messages_always_notify() -> None:
    """In a direct conversation the other person is notified of every message."""
    workspace = default_workspace()
    channel = workspace.im_with(SRE)
    assert notified_by({"text": "hello", "user": "U0ATSBOT"}, channel, workspace) == [SRE]
