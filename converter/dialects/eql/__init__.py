"""EQL, Elastic's Event Query Language: single-event queries (`process where …`)."""
