"""What a careless change would make of a query, and what tells it apart."""
