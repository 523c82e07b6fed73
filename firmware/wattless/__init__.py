"""Wattless: an open four-quadrant VAR meter and power-quality monitor."""
