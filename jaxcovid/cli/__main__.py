"""`python -m jaxcovid.cli` is `jaxcovid`."""

import sys

from jaxcovid.cli.main import main

sys.exit(main())
