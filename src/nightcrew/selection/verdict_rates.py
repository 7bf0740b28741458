"""The measured error rates of the crew's own verdict, which learning and planning take into account.

Measured by `python -m benchmarks.verdict` on changes known to be right or wrong. Few errors among some
hundred cases do not prove a rate of zero, so every rate has a floor. Rates in the memory override these.
"""

from nightcrew.selection.beliefs import Rates

FLOOR = Rates(false_accept=0.01, false_reject=0.03)
MEASURED = Rates(false_accept=0 / 298, false_reject=2 / 117)  # its 420 cases, November 2026
VERDICT_RATES = Rates(*map(max, MEASURED, FLOOR))
