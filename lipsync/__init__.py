"""A take becomes a video: faces, speech, frames, networks; this package knows no folders, jobs or publishing."""
