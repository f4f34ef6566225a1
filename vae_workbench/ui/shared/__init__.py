"""What several pages use: jobs, messages, tables of files."""
