from .grid import (
    Grid as Grid,
)
from .grid import (
    grid_members as grid_members,
)
from .grid import (
    grid_problems as grid_problems,
)
from .grid import (
    setting_name as setting_name,
)
from .outcome import (
    Outcome as Outcome,
)
from .outcome import (
    best_outcome as best_outcome,
)
from .page import (
    Setting as Setting,
)
from .page import (
    best_setting as best_setting,
)
from .page import (
    compare_settings as compare_settings,
)
from .page import (
    sweep_verdict as sweep_verdict,
)
from .page import (
    write_sweep_page as write_sweep_page,
)
from .run import (
    stored_sweep as stored_sweep,
)
from .run import (
    sweep as sweep,
)
