"""What we read of GitHub's records. Other fields are ignored: servers of several versions differ in them."""

from pydantic import BaseModel, Field

MOST_TEXT = 200_000  # characters of a text; GitHub allows 65,536


class Label(BaseModel):
    """A label."""

    name: str = Field(max_length=1_000)


class Repository(BaseModel):
    """A repository, under its name of today."""

    full_name: str = Field(max_length=300)
    default_branch: str = Field(max_length=300)


class Pull(BaseModel):
    """A pull request."""

    number: int
    html_url: str = Field(max_length=2_000)
    state: str = Field(max_length=20)
    title: str = Field(max_length=MOST_TEXT)
    body: str | None = Field(default=None, max_length=MOST_TEXT)
    labels: tuple[Label, ...] = ()
