"""The bundled sample: a spoken text of our own and a face in the public domain."""
