"""How often the verdict is wrong: a labelled corpus from real packages, and baselines to compare with."""
