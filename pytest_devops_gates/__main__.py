"""``python -m pytest_devops_gates`` is the command ``devops-gates``."""

import sys

from pytest_devops_gates.cli.main import main

sys.exit(main())
