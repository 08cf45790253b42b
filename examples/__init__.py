"""Programs as a user would write them. Each runs as a test in tests/examples."""
