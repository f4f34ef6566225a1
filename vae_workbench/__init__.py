"""VAE Workbench: which VAE is at work, what a file is, which VAE looks best, and no black pictures.

Importing this package does nothing; ``webui.register()``, ``standalone.app.run()`` and ``cli.main()`` do.
"""

__version__ = "0.1.0"
