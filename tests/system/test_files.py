"""Files in a thread: uploaded, then shared once, whatever happens on the way."""

from typing import Any

import pytest

from bot.operations import sheets
from bot.operations.sheets import Place, Upload
from bot.render import plain_message
from tests.rig import Rig, eventually

PNG = b"\x89PNG\r\n\x1a\n" + bytes(100)


async def attach(rig: Rig) -> None:
    """A message with two files in the thread of another."""
    async with rig.bot.store.transaction() as tx:
        parent = await sheets.write(tx, "page", Place("#trading-ops-alerts"), plain_message("What was found"))
        files = [Upload("plot.png", "Restarts", PNG, "Rises to 8"), Upload("log.txt", "Log", b"a line")]
        await sheets.attach(
            tx, "files", Place("#trading-ops-alerts", parent_id=parent), files, comment="Two files"
        )


def replies(rig: Rig) -> list[dict[str, Any]]:
    parent = next((m for m in rig.messages() if m.get("text") == "What was found"), None)
    return list(rig.messages(thread_ts=parent["ts"])) if parent else []


def with_files(rig: Rig) -> list[dict[str, Any]]:
    return [m for m in replies(rig) if m.get("files")]


async def shown(rig: Rig) -> dict[str, Any]:
    found: list[dict[str, Any]] = await eventually(lambda: with_files(rig), within=20)
    assert len(found) == 1
    return found[0]


async def test_files_are_shared_in_one_message_of_the_thread(rig: Rig) -> None:
    """Both files come in one message under the other, the picture with its words; their bytes are not kept."""
    await attach(rig)
    message = await shown(rig)
    assert message["text"] == "Two files"
    assert [f["title"] for f in message["files"]] == ["Restarts", "Log"]
    assert message["files"][0]["alt_txt"] == "Rises to 8"
    stored = rig.slack.workspace.files[message["files"][0]["id"]]
    assert stored.content == PNG

    async def kept() -> list[tuple[str, bytes]]:
        async with rig.bot.store.transaction() as tx:
            return [(f.permalink, f.content) for f in await sheets.files_of(tx, "files")]

    await eventually(lambda: _all_linked(kept))
    assert all(content == b"" for _, content in await kept())


async def _all_linked(kept: Any) -> bool:
    return all(link.startswith("http") for link, _ in await kept())


@pytest.mark.slow
async def test_a_lost_answer_does_not_share_twice(rig: Rig) -> None:
    """Shared, but the answer is lost: the message is found again, not made again."""
    rig.slack.faults.fail("files.completeUploadExternal", drop=True, after=True)
    await attach(rig)
    await shown(rig)
    await eventually(lambda: _settled(rig), within=20)
    assert len(with_files(rig)) == 1
    assert len(rig.calls("files.completeUploadExternal")) == 1


async def _settled(rig: Rig) -> bool:
    async with rig.bot.store.transaction() as tx:
        return all(f.permalink for f in await sheets.files_of(tx, "files"))


@pytest.mark.slow
async def test_an_upload_that_fails_in_the_middle_is_tried_again(rig: Rig) -> None:
    """A 429 and a 500 on the way cost time, no file and no second copy."""
    rig.slack.faults.fail("files.getUploadURLExternal", retry_after=1)
    rig.slack.faults.fail("files.completeUploadExternal", status=500)
    await attach(rig)
    message = await shown(rig)
    assert len(message["files"]) == 2
    assert len(with_files(rig)) == 1


async def test_files_that_slack_refuses_are_told_in_words(rig: Rig) -> None:
    """Without the right to upload, the words and the picture's description come all the same."""
    rig.slack.faults.fail("files.getUploadURLExternal", error="file_uploads_disabled", times=-1)
    await attach(rig)

    def told() -> list[dict[str, Any]]:
        return [m for m in replies(rig) if "could not be uploaded" in str(m.get("text"))]

    message = (await eventually(told))[0]
    assert "Two files" in message["text"]
    assert "Rises to 8" in message["text"]


async def test_a_page_is_changed_in_place_and_only_when_it_differs(rig: Rig) -> None:
    """Written three times, twice the same: one message, one update."""
    for text in ("What was found", "What was found", "All of it"):
        async with rig.bot.store.transaction() as tx:
            await sheets.write(tx, "page", Place("#trading-ops-alerts"), plain_message(text))
        await eventually(lambda text=text: [m for m in rig.messages() if m.get("text") == text])  # type: ignore[misc]
    assert len([c for c in rig.calls("chat.update") if c.args.get("text") == "All of it"]) == 1
    assert len(rig.calls("chat.update")) == 1
