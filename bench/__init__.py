"""The figures that the project holds itself to, each beside a peer or a limit, measured in one run."""
