"""Arweave: bytes paid for once and kept for good, as format-2 transactions of our own making."""
