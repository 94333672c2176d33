"""SPL, the search language of Splunk: the subset that detections are written in."""
