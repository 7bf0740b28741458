"""An accepted change becomes one branch, never two that break each other, and nothing else is touched."""

import subprocess
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from nightcrew.delivery.conflict import Conflict, is_outdated
from nightcrew.delivery.merge_queue import Accepted
from nightcrew.errors import BadInput
from nightcrew.execution.checkout.workspace import resolve_commit
from nightcrew.queue.delivery import Delivery, DeliveryStatus
from tests.delivery.conftest import FILES, Shop, state_of
from tests.execution.conftest import commit_all, git


def price(tree: Path, value: str = "10", before: str = "1") -> None:
    file = tree / "shop" / "price.py"
    file.write_text(file.read_text().replace(f"return {before}\n", f"return {value}\n"))


def third(tree: Path) -> None:
    file = tree / "shop" / "price.py"
    file.write_text(file.read_text().replace("return 3\n", "return 30\n"))


def delivered(found: Delivery | Conflict) -> Delivery:
    assert isinstance(found, Delivery) and found.status is DeliveryStatus.DELIVERED, found
    return found


def refused(found: Delivery | Conflict) -> Conflict:
    assert isinstance(found, Conflict) and is_outdated(found.verdict), found
    return found


def test_a_change_is_one_commit_on_a_branch_and_the_checkout_stays_as_it_is(shop: Shop) -> None:
    (shop.repo / "mine.txt").write_text("not committed")
    before = state_of(shop.repo)
    change = shop.change(price, says="Raise the price!\n\nThe shop makes a loss.")
    done = delivered(shop.deliver(change))
    assert shop.branches() == [done.branch] == ["nightcrew/t-1-raise-the-price"]
    assert state_of(shop.repo) == before
    assert git(shop.repo, "log", "--format=%an <%ae>|%cn", f"HEAD..{done.branch}").split("\n") == [
        "Ada L <ada@example.org>|Nightcrew"
    ]  # fmt: skip
    text = git(shop.repo, "show", f"{done.branch}:shop/price.py") + "\n"
    assert text == FILES["shop/price.py"].replace("1", "10", 1)
    message = git(shop.repo, "log", "-1", "--format=%B", str(done.branch))
    assert message.startswith("Raise the price!\n\n") and "The shop makes a loss." in message
    trailers = git(shop.repo, "log", "-1", "--format=%(trailers:only)", str(done.branch))
    assert trailers.splitlines()[:2] == [
        "Nightcrew-Task: t-1", "Co-authored-by: m/x:free <model@nightcrew.invalid>"
    ]  # fmt: skip
    git(shop.repo, "fsck", "--strict")
    assert shop.judged == [], "its base is the newest commit, on which it was accepted"


def test_delivering_twice_gives_one_branch(shop: Shop) -> None:
    change = shop.change(price)
    first = delivered(shop.deliver(change))
    assert delivered(shop.deliver(change)) == first
    assert shop.branches() == [first.branch]


def test_a_delivery_that_was_cut_off_after_its_branch_was_there_is_completed(shop: Shop) -> None:
    change = shop.change(price)
    first = delivered(shop.deliver(change))
    shop.deliveries.keep("t-1", replace(first, status=DeliveryStatus.BEGUN, detail=""))
    assert delivered(shop.deliver(change)).commit == first.commit
    assert shop.branches() == [first.branch]


def test_files_come_go_and_keep_their_modes(shop: Shop) -> None:
    def edit(tree: Path) -> None:
        (tree / "shop" / "price.py").unlink()
        script = tree / "shop" / "run.sh"
        script.write_text(script.read_text() + "echo again\n")
        (tree / "shop" / "new").mkdir()
        (tree / "shop" / "new" / "tool.sh").write_text("#!/bin/sh\n")
        (tree / "shop" / "new" / "tool.sh").chmod(0o755)

    done = delivered(shop.deliver(shop.change(edit)))
    listed = git(shop.repo, "ls-tree", "-r", "--format=%(objectmode) %(path)", str(done.branch)).splitlines()
    assert "100755 shop/new/tool.sh" in listed and "100755 shop/run.sh" in listed
    assert not any(line.endswith("shop/price.py") for line in listed)


def test_a_base_that_moved_is_judged_again_and_built_on(shop: Shop) -> None:
    change = shop.change(price)
    (shop.repo / "news.md").write_text("news\n")
    newest = commit_all(shop.repo)
    done = delivered(shop.deliver(change))
    assert shop.judged == [newest] and done.onto == newest
    assert git(shop.repo, "show", f"{done.branch}:news.md") == "news"


def test_a_change_that_does_not_fit_the_newest_base_goes_back_with_the_conflict(shop: Shop) -> None:
    change = shop.change(price)
    price(shop.repo, "99")
    newest = commit_all(shop.repo)
    conflict = refused(shop.deliver(change))
    assert conflict.onto == newest and shop.branches() == []
    assert "does not fit the newest commit" in conflict.verdict.summary
    assert "+    return 10" in conflict.verdict.feedback, "the next attempt is shown what it was"


def test_two_changes_that_break_each_other_are_never_both_delivered(shop: Shop) -> None:
    """Each is good alone, and they touch different files: only a verdict on both together can tell."""
    one = shop.change(lambda tree: (tree / "a.txt").write_text("excludes b\n"))
    two = shop.change(lambda tree: (tree / "b.txt").write_text("excludes a\n"))
    first = delivered(shop.deliver(one))
    conflict = refused(shop.deliver(two))
    assert shop.branches() == [first.branch]
    assert str(first.branch) in conflict.verdict.summary and "a test fails" in conflict.verdict.summary
    assert resolve_commit(str(shop.repo), conflict.onto) == conflict.onto == first.commit


def test_what_was_made_again_on_top_of_another_change_builds_on_it(shop: Shop) -> None:
    first = delivered(shop.deliver(shop.change(price)))
    conflict = refused(shop.deliver(shop.change(lambda tree: price(tree, "20"))))
    git(shop.repo, "checkout", "--quiet", "--detach", conflict.onto)
    again = shop.change(
        lambda tree: (tree / "shop/price.py").write_text(FILES["shop/price.py"].replace("1", "20", 1))
    )
    git(shop.repo, "checkout", "--quiet", "-")
    done = delivered(shop.deliver(again))
    assert done.onto == first.commit
    git(shop.repo, "merge", "--quiet", str(first.branch))
    git(shop.repo, "merge", "--quiet", str(done.branch))
    assert "return 20" in (shop.repo / "shop" / "price.py").read_text()


def test_what_was_made_again_takes_in_what_was_delivered_meanwhile(shop: Shop) -> None:
    """It cannot fit the newest commit alone, which lacks the change that it was made on top of."""
    waits = shop.change(lambda tree: (tree / "d.txt").write_text("d\n"))
    first = delivered(shop.deliver(shop.change(price)))
    conflict = refused(shop.deliver(shop.change(lambda tree: price(tree, "20"))))
    git(shop.repo, "checkout", "--quiet", "--detach", conflict.onto)
    again = shop.change(lambda tree: price(tree, "20", before="10"), base="main")
    git(shop.repo, "checkout", "--quiet", "-")
    second = delivered(shop.deliver(waits))
    done = delivered(shop.deliver(again))
    assert done.onto not in {conflict.onto, first.onto} and delivered(shop.deliver(again)) == done
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    for one in (second, first, done):
        git(shop.repo, *who, "merge", "--quiet", "--no-edit", str(one.branch))
    assert "return 20" in (shop.repo / "shop" / "price.py").read_text() and (shop.repo / "d.txt").exists()


def test_what_builds_on_one_of_several_open_changes_merges_after_them(shop: Shop) -> None:
    first, second = delivered(shop.deliver(shop.change(third))), delivered(shop.deliver(shop.change(price)))
    conflict = refused(shop.deliver(shop.change(lambda tree: price(tree, "20"))))
    git(shop.repo, "checkout", "--quiet", "--detach", conflict.onto)
    again = shop.change(lambda tree: price(tree, "20", before="10"))
    git(shop.repo, "checkout", "--quiet", "-")
    done = delivered(shop.deliver(again))
    assert done.onto == conflict.onto and delivered(shop.deliver(again)) == done
    who = ("-c", "user.name=a", "-c", "user.email=a@b")
    for one in (first, second, done):
        git(shop.repo, *who, "merge", "--quiet", "--no-edit", str(one.branch))
    text = (shop.repo / "shop" / "price.py").read_text()
    assert "return 20" in text and "return 10" not in text


def test_changes_that_go_together_are_both_delivered_and_merge(shop: Shop) -> None:
    one, two = shop.change(price), shop.change(third)
    first, second = delivered(shop.deliver(one)), delivered(shop.deliver(two))
    assert first.onto == second.onto, "they can be merged in any order"
    assert len(shop.judged) == 1, "the second is judged together with the first"
    for done in (second, first):
        git(
            shop.repo,
            "-c",
            "user.name=a",
            "-c",
            "user.email=a@b",
            "merge",
            "--quiet",
            "--no-edit",
            str(done.branch),
        )
    assert "return 10" in (text := (shop.repo / "shop" / "price.py").read_text()) and "return 30" in text


@pytest.mark.parametrize("end", ["merged", "squashed", "deleted", "continued"])
def test_a_change_counts_until_it_is_merged_or_its_branch_is_somebody_elses(shop: Shop, end: str) -> None:
    first = delivered(shop.deliver(shop.change(lambda tree: (tree / "a.txt").write_text("a\n"))))
    branch = str(first.branch)
    match end:
        case "merged":
            git(shop.repo, "merge", "--quiet", "--ff-only", branch)
        case "squashed":
            git(shop.repo, "merge", "--quiet", "--squash", branch)
            commit_all(shop.repo)
        case "deleted":
            git(shop.repo, "branch", "--quiet", "-D", branch)
        case "continued":
            git(shop.repo, "branch", "--quiet", "--force", branch, "HEAD")
    change = shop.change(price)
    shop.judged.clear()
    delivered(shop.deliver(change))
    assert shop.judged == []


def test_a_branch_of_a_person_is_left_as_it_is(shop: Shop) -> None:
    change = shop.change(price)
    git(shop.repo, "branch", "nightcrew/t-1-do-it", "HEAD")
    with pytest.raises(BadInput, match="has a branch nightcrew/t-1-do-it with other commits"):
        shop.deliver(change)
    assert resolve_commit(str(shop.repo), "nightcrew/t-1-do-it") == resolve_commit(str(shop.repo), "HEAD")


def test_a_branch_called_nightcrew_is_in_the_way(shop: Shop) -> None:
    change = shop.change(price)
    git(shop.repo, "branch", "nightcrew", "HEAD")
    with pytest.raises(BadInput, match="has a reference refs/heads/nightcrew"):
        shop.deliver(change)
    git(shop.repo, "pack-refs", "--all")
    with pytest.raises(BadInput, match="has a reference refs/heads/nightcrew"):
        shop.deliver(change)


def test_a_person_on_another_branch_does_not_move_the_base(shop: Shop) -> None:
    change = shop.change(price)
    git(shop.repo, "checkout", "--quiet", "--orphan", "pages")
    commit_all(shop.repo)
    done = delivered(shop.deliver(change))
    assert done.onto == change.judged_on and shop.judged == []


@pytest.mark.parametrize("kind", ["bare", "file url", "worktree", "packed", "sha256"])
def test_repositories_of_every_kind_take_a_branch(shop: Shop, kind: str, tmp_path: Path) -> None:
    place, address = shop.repo, ""
    if kind in {"bare", "file url"}:
        place = tmp_path / "bare.git"
        subprocess.run(["git", "clone", "--quiet", "--bare", str(shop.repo), str(place)], check=True)
        address = str(place) if kind == "bare" else place.as_uri()
    elif kind == "worktree":
        git(shop.repo, "worktree", "add", "--quiet", str(tmp_path / "work"))
        address = str(tmp_path / "work")
    elif kind == "packed":
        git(shop.repo, "gc", "--quiet")
    else:
        place = tmp_path / "sha256"
        place.mkdir()
        git(place, "init", "--quiet", "--object-format=sha256")
        (place / "shop").mkdir()
        (place / "shop" / "price.py").write_text(FILES["shop/price.py"])
        commit_all(place)
        address = str(place)
    done = delivered(shop.deliver(shop.change(price, repo=address)))
    assert shop.branches(place) == [done.branch]
    assert "return 10" in git(place, "show", f"{done.branch}:shop/price.py")


def test_deliveries_to_one_repository_take_turns(shop: Shop) -> None:
    """Two changes that exclude each other are delivered at the same moment: one comes through."""

    def change(name: str) -> Accepted:
        return shop.change(lambda tree: (tree / f"{name}.txt").write_text("excludes the other\n"))

    changes = [change("a"), change("b")]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(shop.deliver, changes))
    assert sorted(type(one).__name__ for one in found) == ["Conflict", "Delivery"]
    assert len(shop.branches()) == 1
