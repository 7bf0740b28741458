"""Merge requests by the options of a push, with git's own server and a hook that answers as GitLab does.

What GitLab itself makes of the options could not be tried here; their names are those of its documentation.
"""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from nightcrew.delivery.destination import Destination
from nightcrew.delivery.merge_queue import Accepted, MergeQueue
from nightcrew.execution.checkout.credentials import Credentials
from nightcrew.forge.merge_request import MOST_BYTES, in_one_line, is_gitlab, opened, options
from nightcrew.forge.pull_request import Page
from nightcrew.queue.delivery import Delivery, DeliveryStatus
from nightcrew.work.pull_requests import asker
from tests.execution.conftest import git
from tests.flows.builders import judged
from tests.forge.conftest import Delivered, delivery, place, shop, twin

__all__ = ["delivery", "place", "shop", "twin"]

URL = "https://gitlab.example.org/octo/shop/-/merge_requests/12"
HOOK = f"""#!/bin/sh
env | grep '^GIT_PUSH_OPTION_[0-9]' | sort | cut -d= -f2- >> options
echo; echo "View merge request for a branch:"; echo "  {URL}"; echo
"""


def as_gitlab(delivered: Delivered, hook: str = HOOK) -> Path:
    """Let the server take options, and answer; the file that gets the options."""
    git_dir = delivered.place.repository.git_dir
    git(git_dir, "config", "receive.advertisePushOptions", "true")
    (git_dir / "hooks" / "post-receive").write_text(hook)
    (git_dir / "hooks" / "post-receive").chmod(0o755)
    return git_dir / "options"


def deliver(delivered: Delivered, change: Accepted) -> Delivery:
    queued = delivered.shop.queue.get(change.queued.task_id)
    where = Destination(delivered.repo, Credentials(delivered.settings.credentials_dir))
    folder = delivered.shop.folder / f"work-{datetime.now(UTC).timestamp()}"
    folder.mkdir()
    ask = asker(delivered.settings, queued, judged(), by_a_person=False)
    judge = delivered.shop._judge
    merge_queue = MergeQueue(where, delivered.shop.deliveries, judge, folder, opened, ask)
    found = merge_queue.deliver(replace(change, queued=queued))
    assert isinstance(found, Delivery)
    delivered.shop.deliveries.keep(queued.task_id, found)
    return found


def priced(delivered: Delivered) -> Accepted:
    return delivered.change(lambda tree: (tree / "shop.py").write_text("price = 2\n"), "Raise | the price.")


def test_a_push_opens_one_merge_request_with_the_evidence(delivery: Delivered) -> None:
    file = as_gitlab(delivery)
    change = priced(delivery)
    found = deliver(delivery, change)
    assert (found.status, found.pull_request, found.url) == (DeliveryStatus.DELIVERED, 12, URL)
    first, title, label, text = file.read_text().splitlines()
    assert first == "merge_request.create" and label == "merge_request.label=nightcrew"
    assert title == f"merge_request.title={found.message.partition(chr(10))[0]}"
    assert text.startswith("merge_request.description=<!-- nightcrew task=t-1 -->")
    for words in ("<h3>What was asked</h3>", "<td>", "Raise | the price.&#10;", "nightcrew verify"):
        assert words in text
    assert deliver(delivery, change) == found and len(file.read_text().splitlines()) == 4, "once"


def test_a_server_without_options_gets_nothing(delivery: Delivered) -> None:
    with pytest.raises(Exception, match="does not support push options"):
        deliver(delivery, priced(delivery))
    assert git(delivery.place.repository.git_dir, "for-each-ref", "refs/heads/nightcrew") == ""


def test_a_merge_request_that_was_not_opened_is_reported(delivery: Delivered) -> None:
    as_gitlab(delivery, "#!/bin/sh\necho 'Error encountered with push options: no such target'\n")
    found = deliver(delivery, priced(delivery))
    assert found.status is DeliveryStatus.NOT_DELIVERED
    assert "no such target" in found.detail and "merge_requests/new?merge_request" in found.detail


@pytest.mark.parametrize(
    ("address", "hosts", "is_one"),
    [
        ("https://gitlab.com/a/b/c.git", (), True),
        ("git@gitlab.example.org:a/b.git", (), True),
        ("https://code.example.org:8443/a/b", ("code.example.org:8443",), True),
        ("https://code.example.org/a/b", ("code.example.org",), True),
        ("https://github.com/gitlab.com/b", (), False),
        ("https://code.example.org/a/b", (), False),
    ],
)
def test_what_is_gitlab(address: str, hosts: tuple[str, ...], is_one: bool) -> None:
    assert is_gitlab(address, hosts) is is_one


def test_options_are_one_line_each_and_not_too_long() -> None:
    page = Page("a\nb", "```\nx\n\ny\n```\n\n" + "word\n" * 40_000, "topic", True, ("a",))
    found = options(page)
    assert not any("\n" in one for one in found)
    assert {"merge_request.draft", "merge_request.target=topic", "merge_request.title=a b"} <= set(found)
    assert len(found[-1]) <= MOST_BYTES + 30
    assert in_one_line("```\nx\n\ny\n```") == "<pre><code>x&#10;&#10;y&#10;</code></pre>"
