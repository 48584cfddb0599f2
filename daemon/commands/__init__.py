"""The command line, one file per command: ``add`` describes its words, ``run`` does it and gives the exit code."""
