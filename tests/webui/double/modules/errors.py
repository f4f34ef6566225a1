"""Errors are printed; nobody else hears of them."""

printed = []


def display(e, task, *, full_traceback=False):
    printed.append((task, e))
