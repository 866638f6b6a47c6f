from .artifacts import (
    write_comparison as write_comparison,
)
from .artifacts import (
    write_evaluation as write_evaluation,
)
from .artifacts import (
    write_results as write_results,
)
from .evaluate import (
    evaluate_model as evaluate_model,
)
from .evaluate import (
    load_evaluation_data as load_evaluation_data,
)
from .evaluate import (
    load_models as load_models,
)
from .gather import (
    Explain as Explain,
)
from .gather import (
    FurtherMetrics as FurtherMetrics,
)
from .gather import (
    gather_results as gather_results,
)
from .run import (
    Deferred as Deferred,
)
from .run import (
    fine_tune as fine_tune,
)
from .run import (
    write_trained as write_trained,
)
