"""Wattless: an open four-quadrant VAR meter and power-quality monitor."""

VERSION = "0.1.0"
