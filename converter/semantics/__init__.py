"""Predicates over events, and the decision whether two of them are the same."""
