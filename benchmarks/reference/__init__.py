"""Reference implementations and test material that benchmarks and tests share."""
