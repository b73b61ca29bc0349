"""What is settled once, what each request brings, and the engine that speaks requests."""
