from .config import (
    Config as Config,
)
from .errors import (
    InputError as InputError,
)
from .inference.grad_cam import (
    grad_cam as grad_cam,
)
from .inference.inference_model import (
    InferenceModel as InferenceModel,
)
from .inference.inference_model import (
    load as load,
)
from .inference.predict import (
    predict as predict,
)
from .results import (
    Results as Results,
)
from .runs.evaluate import (
    evaluate as evaluate,
)
from .runs.run import (
    fine_tune as fine_tune,
)
from .statistics.comparison import (
    compare as compare,
)
from .statistics.metrics import (
    measure as measure,
)
from .sweeps.grid import (
    Grid as Grid,
)
from .sweeps.run import (
    sweep as sweep,
)

__version__: str
