"""Arweave: paid once, kept for good. Importing this loads nothing but itself."""
