"""Places to deploy to: one entry each in `targets.yml`, found by `converter.core.discovery`."""
