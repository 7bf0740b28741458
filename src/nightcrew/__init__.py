"""Nightcrew: an unattended crew for development work, whose word *completed* can be believed."""
