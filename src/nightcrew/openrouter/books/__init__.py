"""Quota, budgets and circuit breakers, stored in the state store."""
