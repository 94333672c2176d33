"""How events look on each platform: one file per platform schema, all data, found by `converter.discovery`."""
