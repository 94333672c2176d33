"""What executes queries: one file an engine, found by `converter.core.discovery` through its `ENGINE`."""
