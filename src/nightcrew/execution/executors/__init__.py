"""The direct executor: context, briefing, structured edits."""
