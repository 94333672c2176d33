"""What each platform imports: one file a kind of artefact, found by `converter.core.discovery` through its `MAKER`."""
