"""What executes queries: one file an engine, found by `converter.discovery` through its `ENGINE`."""
