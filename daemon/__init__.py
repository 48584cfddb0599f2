"""What happens to a drop: it knows no tensors and no protocols of the web."""
