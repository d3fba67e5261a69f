"""`python -m dermimit` is the `dermimit` command, for launchers that take a module, such as torchrun."""

import sys

from dermimit.cli import main

sys.exit(main())
