"""Reads answers in a wrong form as the calls that they are meant to be."""
