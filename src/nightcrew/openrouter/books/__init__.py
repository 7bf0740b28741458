"""Quota, budgets and circuit breakers, kept in the state store."""
