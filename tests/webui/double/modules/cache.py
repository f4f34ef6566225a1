"""Values kept between runs; here for one run."""

caches = {}


def cache(subsection):
    return caches.setdefault(subsection, {})
