"""Background jobs: texts that nobody waits for, spoken to files that are fetched when they are done."""
