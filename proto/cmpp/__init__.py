"""Hold the message definitions, one folder per version."""
