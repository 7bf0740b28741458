"""Deliberate faults and what the tests make of them."""
