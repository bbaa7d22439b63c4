"""``python -m pytest_devops_gates`` is the command ``devops-gates``."""

import os
import sys

if sys.path and sys.path[0] in ("", os.getcwd()):
    del sys.path[0]  # the checkout, most often: nothing more is imported from there

from pytest_devops_gates.cli.main import main

sys.exit(main())
