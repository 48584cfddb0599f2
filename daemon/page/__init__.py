"""The page in a browser: a window on the folders. It knows nothing that is not in them."""
