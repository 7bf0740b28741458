"""An accepted change becomes one pull request, whatever happens on the way."""

from dataclasses import replace
from pathlib import Path

import pytest

from nightcrew.delivery.conflict import Conflict
from nightcrew.delivery.message import branch_of
from nightcrew.errors import BadInput
from nightcrew.forge.github import GitHubRepository
from nightcrew.forge.place import place_of
from nightcrew.queue.delivery import Delivery, DeliveryStatus
from nightcrew.testing.github.replies import Reply, secondary_limit
from nightcrew.testing.github.state import Access, Permission
from tests.execution.conftest import git
from tests.forge.conftest import Delivered


def raised(tree: Path) -> None:
    (tree / "shop.py").write_text("price = 2\n")


def more(tree: Path) -> None:
    (tree / "more.py").write_text("more = 1\n")


def crash(*_: object, **__: object) -> None:
    raise KeyboardInterrupt


def before_it_was_kept(done: Delivery) -> Delivery:
    return replace(done, status=DeliveryStatus.BEGUN, pull_request=None, url=None)


def opened(found: Delivery | Conflict) -> Delivery:
    assert isinstance(found, Delivery) and found.status is DeliveryStatus.DELIVERED, found
    return found


def refused(found: Delivery | Conflict) -> str:
    assert isinstance(found, Delivery) and found.status is DeliveryStatus.NOT_DELIVERED, found
    return found.detail


def test_a_change_becomes_a_pull_request_with_its_evidence(delivery: Delivered) -> None:
    issue = delivery.place.made("/issues", title="Too cheap")["number"]
    change = delivery.change(raised, "Raise it. Fixes #99, says @octo.", issue=issue)
    done = opened(delivery.deliver(change))
    (pull,) = delivery.pulls()
    assert (pull["number"], pull["html_url"]) == (done.pull_request, done.url)
    assert (pull["head"]["sha"], pull["base"]["ref"]) == (done.commit, "main")
    assert [label["name"] for label in pull["labels"]] == ["nightcrew"]
    body = pull["body"]
    for words in (f"Closes #{issue}", "Is each line needed?", "- applies", "nightcrew verify", "`model-1`"):
        assert words in body.replace("| applies", "- applies"), words
    commit = git(delivery.place.repository.git_dir, "log", "-1", "--format=%B", str(done.commit))
    for text in (body, commit, pull["title"]):  # untrusted text closes nothing and calls nobody
        assert "#99" not in text and "@octo" not in text
    assert "Raise it." in body and "Raise it." in commit


def test_a_second_delivery_does_nothing(delivery: Delivered) -> None:
    change = delivery.change(raised)
    first, again = opened(delivery.deliver(change)), opened(delivery.deliver(change))
    assert first == again and len(delivery.pulls()) == 1


def test_a_crash_after_the_push_leaves_one(delivery: Delivered, monkeypatch: pytest.MonkeyPatch) -> None:
    change = delivery.change(raised)
    with monkeypatch.context() as patch:
        patch.setattr(GitHubRepository, "repository", crash)
        with pytest.raises(KeyboardInterrupt):
            delivery.deliver(change)
    assert delivery.pulls() == [] and delivery.place.repository.commit_of(branch_of(change.queued.task))
    assert opened(delivery.deliver(change)).pull_request == 1


def test_a_crash_after_it_was_opened_leaves_one(delivery: Delivered, monkeypatch: pytest.MonkeyPatch) -> None:
    change = delivery.change(raised)
    with monkeypatch.context() as patch:
        patch.setattr(GitHubRepository, "add_labels", crash)
        with pytest.raises(KeyboardInterrupt):
            delivery.deliver(change)
    assert len(delivery.pulls()) == 1
    assert opened(delivery.deliver(change)).pull_request == 1
    (pull,) = delivery.pulls()
    assert [label["name"] for label in pull["labels"]] == ["nightcrew"]


def test_a_pull_request_that_a_person_closed_stays_closed(delivery: Delivered) -> None:
    change = delivery.change(raised)
    done = opened(delivery.deliver(change))
    delivery.place.call("PATCH", f"/pulls/{done.pull_request}", {"state": "closed"})
    delivery.shop.deliveries.keep(change.queued.task_id, before_it_was_kept(done))
    assert opened(delivery.deliver(change)).pull_request == done.pull_request
    assert [pull["state"] for pull in delivery.pulls()] == ["closed"]


def test_the_text_of_an_open_one_is_edited(delivery: Delivered) -> None:
    change = delivery.change(raised)
    done = opened(delivery.deliver(change))
    delivery.place.call("PATCH", f"/pulls/{done.pull_request}", {"body": "gone"})
    delivery.shop.deliveries.keep(change.queued.task_id, before_it_was_kept(done))
    delivery.deliver(change)
    assert "Is each line needed?" in delivery.pulls()[0]["body"] and len(delivery.pulls()) == 1


def test_a_token_that_is_revoked_on_the_way(delivery: Delivered) -> None:
    hub, place = delivery.place.twin.hub, delivery.place
    change = delivery.change(raised)
    place.twin.github.before("POST", f"{place.repository.name}/pulls$", lambda: hub.revoke(place.token))
    detail = refused(delivery.deliver(change))
    assert "GitHub refuses the token" in detail and place.token not in detail
    assert place.repository.commit_of(branch_of(change.queued.task))
    place.twin.github.interruptions.pop()
    hub.give_token(place.token, "octo")
    assert opened(delivery.deliver(change)).pull_request == 1


def test_a_limit_that_lasts(delivery: Delivered) -> None:
    replies: list[Reply | None] = [secondary_limit(900), None]
    path = f"{delivery.place.repository.name}/pulls$"
    delivery.place.twin.github.before("POST", path, lambda: replies.pop(0))
    change = delivery.change(raised)
    assert "GitHub takes no more calls with this token until" in refused(delivery.deliver(change))
    assert opened(delivery.deliver(change)).pull_request == 1


def test_a_short_limit_is_waited_out(delivery: Delivered) -> None:
    replies: list[Reply | None] = [secondary_limit(0), None]
    path = f"{delivery.place.repository.name}/pulls$"
    delivery.place.twin.github.before("POST", path, lambda: replies.pop(0))
    assert opened(delivery.deliver(delivery.change(raised))).pull_request == 1


def test_a_base_that_moved_is_judged_again(delivery: Delivered) -> None:
    change = delivery.change(raised)
    moved = delivery.place.push("main", "other.txt")
    done = opened(delivery.deliver(change))
    assert (done.onto, delivery.shop.judged) == (moved, [moved])


def test_a_change_that_does_not_fit_any_more_opens_nothing(delivery: Delivered) -> None:
    change = delivery.change(raised)
    delivery.place.push("main", "shop.py", "price = 7\n")
    assert isinstance(delivery.deliver(change), Conflict)
    assert delivery.pulls() == []


def test_protected_branches_take_none_of_ours(delivery: Delivered) -> None:
    change = delivery.change(raised)
    branch = branch_of(change.queued.task)
    delivery.place.repository.protect(f"refs/heads/{branch}")
    with pytest.raises(BadInput, match="does not take refs/heads/nightcrew"):
        delivery.deliver(change)
    assert delivery.pulls() == []


def test_a_renamed_repository_is_followed(delivery: Delivered) -> None:
    change = delivery.change(raised)
    delivery.place.twin.hub.rename(delivery.place.repository, f"{delivery.place.repository.name}-new")
    done = opened(delivery.deliver(change))
    assert delivery.place.repository.full_name in done.detail and len(delivery.pulls()) == 1


def test_a_token_that_may_not_open_pull_requests(delivery: Delivered) -> None:
    change = delivery.change(raised)
    rights = {Permission.CONTENTS: Access.WRITE, Permission.METADATA: Access.READ}
    delivery.place.twin.hub.give_token(delivery.place.token, "octo", rights)
    assert "Resource not accessible by personal access token" in refused(delivery.deliver(change))


def test_a_change_without_its_pull_request_counts_for_the_next_one(delivery: Delivered) -> None:
    """Its branch is there, and it may be delivered later."""
    rights = {Permission.CONTENTS: Access.WRITE, Permission.METADATA: Access.READ}
    first, second = delivery.change(raised), delivery.change(more)
    delivery.place.twin.hub.give_token(delivery.place.token, "octo", rights)
    refused(delivery.deliver(first))
    delivery.place.twin.hub.give_token(delivery.place.token, "octo")
    opened(delivery.deliver(second))
    assert len(delivery.shop.judged) == 1, "together with the first one"


@pytest.mark.parametrize(
    ("address", "api", "name"),
    [
        ("https://github.com/octo/shop", "https://api.github.com", "octo/shop"),
        ("git@github.com:octo/shop.git", "https://api.github.com", "octo/shop"),
        ("ssh://git@ghe.example.org:2222/octo/shop.git", "https://ghe.example.org/api/v3", "octo/shop"),
        ("https://ghe.example.org:8443/o/s/", "https://ghe.example.org:8443/api/v3", "o/s"),
        ("https://acme.ghe.com/o/s.git", "https://api.acme.ghe.com", "o/s"),
    ],
)
def test_places(address: str, api: str, name: str) -> None:
    place = place_of(address)
    assert (place.api, place.full_name) == (api, name)


@pytest.mark.parametrize(
    "address", ["/srv/shop", "https://github.com/octo", "https://github.com/a/b/c", "https://github.com/../x"]
)
def test_what_is_no_place(address: str) -> None:
    with pytest.raises(BadInput, match="GitHub"):
        place_of(address)
