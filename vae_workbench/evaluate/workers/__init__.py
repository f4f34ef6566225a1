"""Who computes beside this process: other processes of this machine, or other machines through Ray."""
