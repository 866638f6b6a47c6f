from .comparison import (
    Comparison as Comparison,
)
from .comparison import (
    Setting as Setting,
)
from .comparison import (
    compare_settings as compare_settings,
)
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
    write_sweep_page as write_sweep_page,
)
from .run import (
    stored_sweep as stored_sweep,
)
from .run import (
    sweep as sweep,
)
from .verdict import (
    sweep_verdict as sweep_verdict,
)
