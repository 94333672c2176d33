"""Query languages: a folder each, with `writer.py` (rule to text) and `reader.py` (text to predicate)."""
