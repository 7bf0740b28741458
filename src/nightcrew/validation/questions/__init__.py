"""The questions that every change is asked, whatever its type: *Lost?*, *Needed?*, *Empowered?*

A question is a gate (`Gate`) whose result comes from `gate.answered`: typed findings, each with its
place, and for whom it is (`Severity`).
"""
