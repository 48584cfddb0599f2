"""Figures anyone can make again: `python -m benchmarks [NAME …]` measures and rewrites docs/figures.md."""
