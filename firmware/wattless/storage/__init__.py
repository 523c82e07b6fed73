"""What must survive a power cut: records on FRAM, flash, EEPROM or in files, and when they are written."""
