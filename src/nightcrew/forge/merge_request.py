"""Merge requests on GitLab, by the options of the push that adds the branch: no call of its API.

GitLab answers such a push with the address of the merge request. An option is one line, so the text is HTML
without line breaks, which GitLab shows like Markdown.
"""

import re
from collections.abc import Sequence
from dataclasses import replace
from urllib.parse import quote, urlsplit

from markdown_it import MarkdownIt

from nightcrew.forge.pull_request import Page
from nightcrew.queue.delivery import Delivery, DeliveryStatus

MOST_BYTES = 60_000  # of one option; git allows 65,515
_URL = re.compile(r"https?://\S+/-/merge_requests/(\d+)")
_PRE = re.compile(r"(?s)<pre>.*?</pre>")


def is_gitlab(address: str, known_hosts: Sequence[str]) -> bool:
    """True if the server at this address is GitLab, by its name or because a setting says so."""
    netloc = urlsplit(address).netloc.rpartition("@")[2].lower()
    if "://" not in address:  # git@host:path
        netloc = address.partition(":")[0].rpartition("@")[2].lower()
    host = netloc.partition(":")[0]
    return host == "gitlab.com" or host.startswith("gitlab.") or bool({netloc, host} & set(known_hosts))


def options(page: Page) -> tuple[str, ...]:
    """The options of the push that opens a merge request."""
    wanted = ["merge_request.create", f"merge_request.title={_line(page.title)}"]
    if page.base != "HEAD":
        wanted.append(f"merge_request.target={_line(page.base)}")
    if page.draft:
        wanted.append("merge_request.draft")
    wanted += [f"merge_request.label={_line(label)}" for label in page.labels]
    return (*wanted, f"merge_request.description={in_one_line(page.body)}")


def in_one_line(markdown: str) -> str:
    """Markdown as HTML in one line."""
    body = markdown
    while True:
        html = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
        kept = _PRE.sub(lambda found: found[0].rstrip().replace("\n", "&#10;"), html)
        line = _line(kept)
        if len(line.encode()) <= MOST_BYTES:
            return line
        body = f"{body[: len(body) * 3 // 4]}…"


def opened(delivery: Delivery) -> Delivery:
    """The delivery with its merge request, as GitLab named it in its answer to the push."""
    if delivery.status is DeliveryStatus.DELIVERED and delivery.url is not None:
        return delivery
    if delivery.revises and delivery.url is not None:
        detail = f"delivered as one more commit of merge request !{delivery.pull_request}: {delivery.url}"
        return replace(delivery, status=DeliveryStatus.DELIVERED, detail=detail)
    found = _URL.search(delivery.detail)
    if found is not None:
        return replace(
            delivery,
            status=DeliveryStatus.DELIVERED,
            detail=f"delivered as merge request !{found[1]}: {found[0]}",
            pull_request=int(found[1]),
            url=found[0],
        )
    page = f"{delivery.repo}/-/merge_requests/new?merge_request[source_branch]={quote(delivery.branch or '')}"
    answer = f" ({_line(delivery.detail)[:300]})" if delivery.detail else ""
    detail = f"the branch {delivery.branch} is there, and GitLab named no merge request{answer}: see {page}"
    return replace(delivery, status=DeliveryStatus.NOT_DELIVERED, detail=detail)


# ---------------------------------------------------------------------------------------------------------


def _line(text: str) -> str:
    return " ".join(text.split("\n")).replace("\r", "").replace("\0", "").strip()
