"""Flow runs beside the tasks that they are for: looked up, corrected, brought into agreement."""
