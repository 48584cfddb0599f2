"""A finished file becomes a permanent address; this package knows no video."""
