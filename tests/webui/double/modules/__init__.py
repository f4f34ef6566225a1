"""A double of the web UI's ``modules``: only what the extension touches, behaving as version 1.10.1 does.

The tests in ``tests/webui`` run against it, and, where a web UI is installed, against the real modules too.
"""
