"""`make accuracy`: the meter's errors against closed forms, beside their targets and the limits of the standards."""
