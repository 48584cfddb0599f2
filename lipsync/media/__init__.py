"""Media in and out: the only importer of PyAV."""
