"""How often the crew's own verdict errs, as far as it was measured; enters what is learned and planned.

Measured by `python -m benchmarks.verdict` on changes of known worth: wrong ones that were accepted, right
ones that were rejected. Few errors among some hundred cases do not prove a rate of nil, so no rate is taken
to be below its floor. A memory may hold rates of its own, which come before these.
"""

from nightcrew.selection.beliefs import Rates

FLOOR = Rates(false_accept=0.01, false_reject=0.03)
MEASURED = Rates(false_accept=0 / 298, false_reject=2 / 117)  # its 420 cases, November 2026
VERDICT_RATES = Rates(*map(max, MEASURED, FLOOR))
