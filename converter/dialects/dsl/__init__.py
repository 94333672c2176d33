"""Elasticsearch Query DSL: JSON search bodies."""
