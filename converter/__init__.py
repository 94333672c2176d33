"""Parity: write a detection once in Sigma, get the query for every SIEM, and know that every query agrees."""

__version__ = "0.2.0"
