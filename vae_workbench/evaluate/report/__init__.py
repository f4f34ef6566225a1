"""What is told of an evaluation: tables, plots, and the pictures where VAEs differ most."""
