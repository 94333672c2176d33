"""Lucene query strings, as Kibana's search bar takes them in its Lucene mode."""
