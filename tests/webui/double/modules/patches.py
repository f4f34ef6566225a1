"""How the web UI lets its functions be replaced and put back."""

originals = {}


def patch(key, obj, field, replacement):
    place = (key, obj, field)
    if place in originals:
        raise RuntimeError(f"patch for {field} is already applied")
    originals[place] = getattr(obj, field)
    setattr(obj, field, replacement)
    return originals[place]


def undo(key, obj, field):
    place = (key, obj, field)
    if place not in originals:
        raise RuntimeError(f"there is no patch for {field} to undo")
    setattr(obj, field, originals.pop(place))


def original(key, obj, field):
    return originals.get((key, obj, field))
