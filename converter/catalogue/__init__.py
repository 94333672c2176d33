"""What there is to say of each rule and detection, gathered once and shown as a static site."""
