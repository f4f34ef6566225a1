"""New files from old, tensor by tensor."""
