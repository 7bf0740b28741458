"""The daily cost report as a Prefect artifact: what was spent, and what was accepted."""

from prefect import flow
from prefect.artifacts import acreate_markdown_artifact

from blocks.crew import settings_overrides
from flows.steps import step
from nightcrew.crew.status import DASHBOARD
from nightcrew.ledger.ledger import open_ledger
from nightcrew.ledger.report import cost_report_markdown
from nightcrew.settings import Settings, load_settings


@flow(name="report-costs")
async def report_costs() -> str:
    """Publish the cost report of the whole ledger."""
    settings = load_settings(**await settings_overrides())
    report = await step(read_report, name="report")(settings)
    await acreate_markdown_artifact(
        report,
        key="costs",
        description=f"Cost and quality by model and task type; live on the [dashboard]({DASHBOARD}/)",
    )
    return report


def read_report(settings: Settings) -> str:
    """The cost report, as Markdown."""
    with open_ledger(settings) as ledger:
        return cost_report_markdown(ledger)
