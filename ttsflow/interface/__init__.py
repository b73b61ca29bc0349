"""What a plugin sees: the two extension points, and the data that passes through them."""
