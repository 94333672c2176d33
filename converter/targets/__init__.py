"""Places to deploy to: one small file of data each, found by `converter.discovery`."""
