"""A moment as people write it on the command line."""

from datetime import datetime, timedelta

from nightcrew.errors import BadInput


def moment(text: str) -> datetime:
    """The moment that a word, a duration or a date in local time means."""
    now = datetime.now().astimezone()
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    days = {"today": 0, "yesterday": 1}
    if text in days:
        return today - timedelta(days=days[text])
    if text[:-1].isascii() and text[:-1].isdigit() and text[-1] in "hd" and len(text) < 6:
        return now - timedelta(hours=int(text[:-1]) * (24 if text[-1] == "d" else 1))
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError:
        raise BadInput(f"--since {text}: write today, yesterday, 12h, 3d or a date like 2026-11-26") from None
