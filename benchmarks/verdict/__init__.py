"""How often the verdict is wrong: a labelled corpus from real packages, and the baselines beside it."""
