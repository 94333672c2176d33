"""What each platform imports: one file a kind of artefact, found by `converter.discovery` through its `MAKER`."""
