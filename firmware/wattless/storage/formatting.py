"""Media without a sound record: why, and how they are cleared. Loaded only then: 1 KB of heap."""

from wattless.storage.records import VERSION


def why(medium, version):
    """(what to say, whether nothing was ever written on it); version: of something that begins like a record, or 0."""
    name = medium.name
    if version and version != VERSION:
        text = "{}: its records are of version {}, this firmware knows version {}"
        return text.format(name, version, VERSION), False
    if version:
        return "{}: not one of its records is sound: format it to begin anew".format(name), False
    page = bytearray(medium.page)
    first = None
    for at in range(0, medium.size, medium.page):
        medium.readinto(at, page)
        for byte in page:
            first = byte if first is None else first
            if byte != first or byte not in (0, 255):
                return "{}: holds something else than records: format it if that may go".format(name), False
    return "{}: is blank: format it".format(name), True


def clear(medium):
    """All of it 0xFF."""
    page = b"\xff" * medium.page
    for at in range(0, medium.size, medium.erase_size or medium.page):
        if medium.erase_size:
            medium.erase(at)
        else:
            medium.write(at, page)


def geometry(medium):
    """The data of the first record."""
    return "{},{},{}".format(medium.size, medium.page, medium.erase_size).encode()
