"""`wattless calibrate`: what a meter reads is compared with a reference, and its converter set so that they agree.

    command.py    the command line             wizard.py     what happens when
    link.py       the meter                    steady.py     waits until a reading is steady
    reference.py  the values that are true     refuse.py     what cannot be right, and what to do about it
    model.py      the arithmetic               tables.py     errors against the limits of the class
    record.py     the signed record            page.py       the same for print
    bench.py      --simulate                   ratio.py      current transformers and coils

docs/calibration.md is the procedure.
"""
