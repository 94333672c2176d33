"""What a contributor needs: a rule to begin with, and everything there is to say of one rule on a page."""
