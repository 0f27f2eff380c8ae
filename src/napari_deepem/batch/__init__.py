"""Many micrographs at once: what each command does, file in and file out."""
