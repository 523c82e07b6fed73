"""Evidence for a reading, on the host: fetched from a meter, checked, and computed anew.

path = fetch.capture(port="/dev/ttyACM0")          # or modbus="192.168.1.20:502"
report = reproduce.reproduce(path, "micropython")
print(report.text())
"""


class EvidenceError(Exception):
    """Evidence that cannot be had, or a file that is none. The message says what was wrong and what is wanted."""
