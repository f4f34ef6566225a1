"""Values kept between runs; here for one run. As in a database, keys are UTF-8."""

import os

caches = {}


class Cache(dict):
    def __setitem__(self, key, value):
        super().__setitem__(written(key), value)

    def __getitem__(self, key):
        return super().__getitem__(written(key))

    def __contains__(self, key):
        return super().__contains__(written(key))

    def get(self, key, default=None):
        return super().get(written(key), default)


def written(key):
    key.encode()
    return key


def cache(subsection):
    return caches.setdefault(subsection, Cache())


def cached_data_for_file(subsection, title, filename, func):
    entry = cache(subsection).get(title)
    if not entry or os.path.getmtime(filename) > entry["mtime"]:
        entry = cache(subsection)[title] = {"mtime": os.path.getmtime(filename), "value": func()}
    return entry["value"]
