# Runs before main.py: keeps everybody but the meter off the pyboard's internal flash. With the port's usual VCP+MSC a
# PC sees it as a drive and writes to it when it likes, and an erase stalls the processor for up to 2 s.
import pyb

pyb.usb_mode("VCP")
