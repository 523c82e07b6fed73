"""Pins to frames: the converter's frames become samples in a ring, numbered and checked."""
