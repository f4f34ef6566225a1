"""Errors are printed; nobody else hears of them."""

printed = []


def display(e, task, *, full_traceback=False):
    printed.append((task, e))


def report(message, *, exc_info=False):
    printed.append((message, exc_info))
