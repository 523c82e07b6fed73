# wattless boot 1
"""main.py of the board: finishes or undoes a `wattless flash` that was cut off, then starts the meter (meter_main).

The board keeps an update in the folder update/: new/N and old/N are files on their way in and out, the journal says
which ("N add|change|delete PATH" a line), and its name says how far we are. Every step below is a rename, which
littlefs does whole or not at all, and may be done twice.

    swap     all new files are there and verified: put them in, keep the old ones; then it is called
    trial    the new version runs for the first time. `wattless flash` hears its self-test and renames to clean;
             found at another start, nobody has confirmed it: undo
    undo     put the old files back, then it is called
    clean    the version in place is whole and confirmed: forget the other one

Not touched: whatever the journal does not name. A file safe_boot skips the meter once (its watchdog would reset the
board under the prompt). On this board sys.exit() would mean a restart, for ever: it ends at the prompt instead.
Heap on 32-bit ARM: under 20 KB while MicroPython compiles it, 0.7 KB afterwards. Not yet run on hardware.
"""

import os


def there(path):
    try:
        os.stat(path)
        return True
    except OSError:
        return False


def journal(state):
    with open("update/" + state) as file:
        return [line.split(" ", 2) for line in file.read().split("\n") if line]


def folders(path):
    at = path.find("/")
    while at > 0:
        if not there(path[:at]):
            os.mkdir(path[:at])
        at = path.find("/", at + 1)


def forward():
    for n, kind, path in journal("swap"):
        old = "update/old/" + n
        new = "update/new/" + n
        if kind != "add" and there(path) and not there(old):
            os.rename(path, old)
        if kind != "delete" and there(new):
            folders(path)
            os.rename(new, path)
    os.rename("update/swap", "update/trial")


def backward():
    for n, kind, path in journal("undo"):
        old = "update/old/" + n
        new = "update/new/" + n
        if kind != "delete" and there(path) and not there(new):
            os.rename(path, new)
        if kind != "add" and there(old):
            os.rename(old, path)
    os.rename("update/undo", "update/clean")


def clean():
    paths = [path for n, kind, path in journal("clean")]
    for folder in ("update/new", "update/old"):
        if there(folder):
            for name in os.listdir(folder):
                os.remove(folder + "/" + name)
            os.rmdir(folder)
    for path in paths:
        while "/" in path:
            path = path[: path.rfind("/")]
            try:
                os.rmdir(path)
            except OSError:  # not empty
                break
    os.remove("update/clean")
    os.rmdir("update")


def settle():
    """Gets an update to where the board can start: "trial" (of the new version), "undone" (it had its trial), ""."""
    states = os.listdir("update") if there("update") else []
    if "swap" in states:
        forward()
        return "trial"
    undone = "trial" in states or "undo" in states
    if "trial" in states:
        os.rename("update/trial", "update/undo")
    if undone:
        backward()
    if undone or "clean" in states:
        clean()
    return "undone" if undone else ""


# --- start: `wattless flash` runs what stands above by itself

state = settle()
if state:
    print('{"announce": "update", "state": "' + state + '"}')
safe = there("safe_boot")
before = there("main_before.py")  # the program that was here when this file came
for name in ("there", "journal", "folders", "forward", "backward", "clean", "settle"):
    del globals()[name]  # the meter needs the memory
if safe:
    os.remove("safe_boot")
    print('{"announce": "safe boot"}')
elif before:
    with open("main_before.py") as file:
        exec(file.read())
else:
    import gc

    gc.collect()
    try:
        import meter_main  # noqa: F401
    except SystemExit as error:
        print('{"announce": "stopped", "code": %r}' % (error.args[0] if error.args else 0))
