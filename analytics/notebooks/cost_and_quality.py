"""Cost and quality of the crew, by model and type of task: a marimo notebook on the ledger.

    marimo run analytics/notebooks/cost_and_quality.py      # in the browser, read-only
    python analytics/notebooks/cost_and_quality.py          # headless, as a check

marimo and altair come with `pip install 'nightcrew[analytics]'`.
It opens the ledger of `NIGHTCREW_HOME` (default `~/.nightcrew`) in memory and takes no lock, so it may stay open
while the crew works. It needs nothing of Nightcrew's code, only the views that `ledger.sql` makes.
"""

import marimo  # where it is missing: pip install 'nightcrew[analytics]'

__generated_with = "0.25.2"
app = marimo.App(width="medium", app_title="Nightcrew: cost and quality")


@app.cell
def _():
    import os
    import time
    from pathlib import Path

    import altair as alt
    import duckdb
    import marimo as mo

    return Path, alt, duckdb, mo, os, time


@app.cell
def _(Path, duckdb, mo, os, time):
    home = Path(os.environ.get("NIGHTCREW_HOME") or Path.home() / ".nightcrew")
    views = home / "ledger" / "ledger.sql"
    mo.stop(
        not views.exists(),
        mo.callout(
            mo.md(
                f"**No ledger in `{home}` yet.** Run a task, then `nightcrew metrics`, and open this again."
            ),
            kind="info",
        ),
    )
    connection = duckdb.connect(":memory:")
    connection.execute("SET autoinstall_known_extensions = false; SET TimeZone = 'UTC'").fetchall()
    connection.execute(views.read_text(encoding="utf-8")).fetchall()

    def shown(value):
        """Somebody else's words: without control characters, links that a page would follow, and formulas."""
        if not isinstance(value, str):
            return value
        text = "".join(one if one.isprintable() or one in "\n\t" else f"\\u{ord(one):04x}" for one in value)
        text = text.replace("://", ":\u2060//").replace("data:", "data\u2060:")
        return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t")) else text

    def ask(sql, **parameters):
        """Rows as dictionaries; asked again when a journal was archived in that very moment."""
        try:
            cursor = connection.execute(sql, parameters)
        except duckdb.IOException:
            time.sleep(0.2)
            cursor = connection.execute(sql, parameters)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, map(shown, row), strict=True)) for row in cursor.fetchall()]

    return ask, home


@app.cell
def _(ask, mo):
    task_types = [
        row["task_type"]
        for row in ask("select distinct task_type from tasks where task_type is not null order by 1")
    ]
    task_type = mo.ui.dropdown(["all", *task_types], value="all", label="Type of task")
    return (task_type,)


@app.cell
def _(home, mo, task_type):
    mo.vstack(
        [
            mo.md(
                f"# Cost and quality\nWhat the crew did, what it cost and how good it was. Ledger: `{home / 'ledger'}`"
            ),
            task_type,
        ]
    )
    return


@app.cell
def _(ask, task_type):
    wanted = task_type.value
    (totals,) = ask(
        """
        select count(*) as tasks, count(*) filter (status = 'completed') as completed,
               count(*) filter (status = 'failed') as failed,
               coalesce(sum(calls), 0)::bigint as calls,
               facts.known_cost(sum(cost_usd), sum(calls_of_unknown_cost))::double as cost_usd,
               coalesce(sum(calls_of_unknown_cost), 0)::bigint as calls_of_unknown_cost
        from tasks where $wanted in ('all', task_type)""",
        wanted=wanted,
    )
    by_model = ask(
        """
        select p.model, coalesce(p.task_type, 'unknown') as task_type, p.attempts, p.counted, p.accepted,
               p.success_rate, p.success_rate_low, p.success_rate_high, p.mean_score, p.faults, p.median_seconds,
               c.calls, c.cost_usd::double as cost_usd, c.cost_per_accepted_usd::double as cost_per_accepted_usd,
               c.calls_per_accepted
        from model_performance as p
             join cost_per_accepted_change as c
               on c.model is not distinct from p.model and c.task_type is not distinct from p.task_type
        where $wanted in ('all', p.task_type) order by p.model, p.task_type""",
        wanted=wanted,
    )
    gates = ask(
        """
        select gate, outcome, count(*) as findings from findings
        where $wanted in ('all', task_type) group by gate, outcome order by gate, outcome""",
        wanted=wanted,
    )
    reasons = ask(
        """
        select task_id, number as attempt, f.model, gate, f.outcome, message
        from findings as f join attempts as a using (attempt_id, task_id)
        where $wanted in ('all', f.task_type) and f.outcome <> 'pass'
        order by found_at desc, position limit 200""",
        wanted=wanted,
    )
    calls = ask(
        """
        select c.asked_model as model, coalesce(c.fault, 'answered') as result, count(*) as calls,
               sum(c.input_tokens + c.output_tokens)::bigint as tokens, median(c.duration_ms) as median_ms,
               facts.known_cost(sum(c.cost_usd), count(*) filter (c.is_cost_unknown))::double as cost_usd
        from model_calls as c join attempts as a using (attempt_id)
        where $wanted in ('all', task_type) group by 1, 2 order by 1, 2""",
        wanted=wanted,
    )
    tasks = ask(
        """
        select task_id, task_type, priority, status, failure_reason,
               array_to_string(models_tried, ' → ') as models, score,
               calls, input_tokens + output_tokens as tokens, cost_usd::double as cost_usd, seconds
        from tasks where $wanted in ('all', task_type) order by submitted_at desc nulls last limit 500""",
        wanted=wanted,
    )
    return by_model, calls, gates, reasons, tasks, totals


@app.cell
def _(by_model, mo, totals):
    def usd(value):
        if value is None:
            return "unknown"
        return (
            f"${value:,.2f}"
            if value == 0 or value >= 0.1
            else f"${value:.2g}"
            if value >= 1e-4
            else f"${value:.1e}"
        )

    accepted = sum(row["accepted"] for row in by_model)
    per_change = None if totals["cost_usd"] is None else totals["cost_usd"] / accepted if accepted else None
    mo.hstack(
        [
            mo.stat(
                totals["tasks"],
                label="Tasks",
                caption=f"{totals['completed']} completed, {totals['failed']} failed",
            ),
            mo.stat(
                usd(totals["cost_usd"]),
                label="Cost",
                caption=f"{totals['calls_of_unknown_cost']} calls of unknown cost"
                if totals["calls_of_unknown_cost"]
                else "every cost is known",
            ),
            mo.stat(
                usd(per_change) if accepted else "–", label="Per accepted change", caption="failures included"
            ),
            mo.stat(
                totals["calls"],
                label="Calls",
                caption=f"{totals['calls'] / accepted:.1f} per accepted change"
                if accepted
                else "nothing accepted yet",
            ),
        ],
        widths="equal",
        gap=1,
    )
    return (usd,)


@app.cell
def _(alt, by_model, mo):
    measured = [row for row in by_model if row["success_rate"] is not None]
    height = alt.Step(22)
    rate = alt.Chart(alt.Data(values=measured)).encode(
        y=alt.Y("model:N", title=None, axis=alt.Axis(labelLimit=220)),
        yOffset="task_type:N",
        color=alt.Color("task_type:N", title="Type"),
    )
    quality_chart = (
        rate.mark_rule(strokeWidth=2, opacity=0.5).encode(
            x=alt.X(
                "success_rate_low:Q",
                title="Accepted, with 95 % interval",
                axis=alt.Axis(format="%"),
                scale=alt.Scale(domain=[0, 1]),
            ),
            x2="success_rate_high:Q",
        )
        + rate.mark_point(filled=True, size=90, opacity=1).encode(
            x="success_rate:Q",
            tooltip=[
                "model:N",
                "task_type:N",
                "accepted:Q",
                "counted:Q",
                alt.Tooltip("mean_score:Q", format=".2f"),
            ],
        )
    ).properties(width=290, height=height, title="Quality")
    cost_chart = (
        alt.Chart(alt.Data(values=by_model))
        .mark_bar()
        .encode(
            y=alt.Y("model:N", title=None, axis=alt.Axis(labels=False, ticks=False)),
            yOffset="task_type:N",
            x=alt.X(
                "cost_usd:Q", title="USD spent, failures included", axis=alt.Axis(format="~g", tickCount=4)
            ),
            color=alt.Color("task_type:N", title="Type"),
            tooltip=[
                "model:N",
                "task_type:N",
                "attempts:Q",
                "calls:Q",
                alt.Tooltip("cost_per_accepted_usd:Q", format=".3~g"),
            ],
        )
        .properties(width=290, height=height, title="Cost")
    )
    cost_and_quality_chart = alt.hconcat(quality_chart, cost_chart)
    mo.vstack(
        [
            mo.md("## Which model is worth its money?"),
            cost_and_quality_chart if by_model else mo.md("*No attempts yet.*"),
        ]
    )
    return (cost_and_quality_chart,)


@app.cell
def _(by_model, mo, usd):
    def share(value):
        return "–" if value is None else f"{value:.0%}"

    mo.ui.table(
        [
            {
                "Model": row["model"],
                "Type": row["task_type"],
                "Accepted": f"{row['accepted']} of {row['counted']}",
                "Success": share(row["success_rate"]),
                "Score": "–" if row["mean_score"] is None else f"{row['mean_score']:.2f}",
                "Cost": usd(row["cost_usd"]),
                "Per change": usd(row["cost_per_accepted_usd"]) if row["accepted"] else "–",
                "Calls": row["calls"],
                "Seconds": "–" if row["median_seconds"] is None else f"{row['median_seconds']:.1f}",
                "Faults": row["faults"],
            }
            for row in by_model
        ],
        selection=None,
        show_download=False,
        text_justify_columns=dict.fromkeys(
            ("Accepted", "Success", "Score", "Cost", "Per change", "Seconds"), "right"
        ),
    ) if by_model else None
    return


@app.cell
def _(alt, gates, mo, reasons):
    verdict_chart = (
        alt.Chart(alt.Data(values=gates))
        .mark_bar()
        .encode(
            y=alt.Y("gate:N", title=None, sort="-x", axis=alt.Axis(labelLimit=220)),
            x=alt.X("findings:Q", title="Findings", axis=alt.Axis(tickMinStep=1)),
            color=alt.Color(
                "outcome:N",
                title=None,
                scale=alt.Scale(
                    domain=["pass", "fail", "asks", "not_measurable"],
                    range=["#9ecae1", "#d95f02", "#e6ab02", "#bdbdbd"],
                ),
            ),
            order=alt.Order("outcome:N"),
            tooltip=["gate:N", "outcome:N", "findings:Q"],
        )
        .properties(width=560, height=alt.Step(22))
    )
    mo.vstack(
        [
            mo.md("## Why did the gates say no?"),
            verdict_chart if gates else mo.md("*Nothing was judged yet.*"),
            mo.ui.table(reasons, selection=None, show_download=False, wrapped_columns=["message"])
            if reasons
            else mo.md(""),
        ]
    )
    return (verdict_chart,)


@app.cell
def _(calls, mo, usd):
    mo.vstack(
        [
            mo.md("## Which calls were made?"),
            mo.ui.table(
                [
                    {
                        "Model": row["model"],
                        "Result": row["result"],
                        "Calls": row["calls"],
                        "Tokens": row["tokens"],
                        "Median ms": round(row["median_ms"]),
                        "Cost": usd(row["cost_usd"]),
                    }
                    for row in calls
                ],
                selection=None,
                show_download=False,
                text_justify_columns={"Cost": "right"},
            )
            if calls
            else mo.md("*None yet.*"),
        ]
    )
    return


@app.cell
def _(mo, tasks, usd):
    mo.vstack(
        [
            mo.md("## Task by task"),
            mo.ui.table(
                [
                    {
                        "Task": row["task_id"],
                        "Type": row["task_type"],
                        "Priority": row["priority"],
                        "Status": f"failed: {row['failure_reason']}"
                        if row["status"] == "failed"
                        else row["status"],
                        "Models tried": row["models"],
                        "Score": "–" if row["score"] is None else f"{row['score']:.2f}",
                        "Cost": usd(row["cost_usd"]),
                        "Calls": row["calls"],
                        "Tokens": row["tokens"],
                        "Seconds": "–" if row["seconds"] is None else f"{row['seconds']:.1f}",
                    }
                    for row in tasks
                ],
                selection=None,
                show_download=False,
                text_justify_columns=dict.fromkeys(("Score", "Cost", "Seconds"), "right"),
            )
            if tasks
            else mo.md("*None yet.*"),
        ]
    )
    return


@app.cell
def _(ask, home):
    # `python -m benchmarks.regret` leaves this file: what others would have done at each task, with the models'
    # true skills known. The crew's own rows are the ledger's.
    references = home / "policies.csv"
    regret = (
        ask(
            """
            with known as (select * from read_csv($file, types = {'degraded': 'varchar'})),
            crew as (
                select distinct number, k.task_id, phase, 'nightcrew' as policy,
                       (t.status = 'completed')::int as solved, t.cost_usd::double as cost_usd, worth_usd, degraded
                from known as k join tasks as t using (task_id)),
            every as (
                select * from crew union all by name
                select number, task_id, phase, policy, solved, cost_usd, worth_usd, degraded from known
                where task_id in (select task_id from crew)),
            beside as (
                select every.*, worth_usd * (o.solved - every.solved) + every.cost_usd - o.cost_usd as lost_usd
                from every join (select task_id, solved, cost_usd from known where policy = 'oracle') as o
                     using (task_id))
            select number, policy, phase, degraded, solved, cost_usd,
                   sum(lost_usd) over (partition by policy order by number) as regret_usd,
                   sum(cost_usd) over (partition by policy order by number)
                       / nullif(sum(solved) over (partition by policy order by number), 0) as usd_per_accepted
            from beside order by policy, number""",
            file=str(references),
        )
        if references.exists()
        else []
    )
    return (regret,)


@app.cell
def _(alt, mo, regret, usd):
    order = ["nightcrew", "oracle", "always-best", "always-cheapest"]
    colours = alt.Color(
        "policy:N",
        title=None,
        sort=order,
        scale=alt.Scale(domain=order, range=["#d95f02", "#636363", "#7570b3", "#1b9e77"]),
    )
    changes = sorted({row["number"] for row in regret if row["phase"] == "changed"})[:1]
    gone_bad = next((row["degraded"] for row in regret if row["degraded"]), None)
    mark = (
        alt.Chart(alt.Data(values=[{"number": number} for number in changes]))
        .mark_rule(strokeDash=[4, 4], color="#bdbdbd")
        .encode(x="number:Q")
    )

    def over_tasks(field, title, policies):
        values = [row for row in regret if row["policy"] in policies and row[field] is not None]
        lines = (
            alt.Chart(alt.Data(values=values))
            .mark_line(interpolate="step-after")
            .encode(
                x=alt.X("number:Q", title="Tasks done"),
                y=alt.Y(f"{field}:Q", title=title),
                color=colours,
                tooltip=["policy:N", "number:Q", alt.Tooltip(f"{field}:Q", format=".3~g")],
            )
        )
        return (mark + lines).properties(width=290, height=220)

    regret_chart = alt.hconcat(
        over_tasks("regret_usd", "Regret, USD, summed", ["nightcrew", "always-best", "always-cheapest"]),
        over_tasks("usd_per_accepted", "USD per accepted change so far", order),
    )
    totals_by_policy = [
        {
            "Policy": policy,
            "Solved": f"{sum(row['solved'] for row in rows) / len(rows):.0%}",
            "Per change": usd(
                sum(row["cost_usd"] for row in rows) / max(1, sum(row["solved"] for row in rows))
            ),
            "Regret": f"${rows[-1]['regret_usd']:.2f}",
        }
        for policy in order
        if (rows := [row for row in regret if row["policy"] == policy])
    ]
    mo.vstack(
        [
            mo.md(
                "## What does it cost not to know the models?\n"
                "Beside an oracle that knows every model's skill and cost. Regret: what was spent more, and for each "
                "task solved less what the best model takes for one."
                + (f" From the dashed line on, `{gone_bad}` is bad at everything." if gone_bad else "")
            ),
            regret_chart,
            mo.ui.table(totals_by_policy, selection=None, show_download=False),
        ]
    ) if regret else None
    return (regret_chart,)


if __name__ == "__main__":
    app.run()
