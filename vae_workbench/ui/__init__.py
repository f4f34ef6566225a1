"""Gradio pages and nothing else; what they can do arrives as a Workbench."""
