from .checkpoint import (
    Trained as Trained,
)
from .checkpoint import (
    load_checkpoint as load_checkpoint,
)
from .evaluation import (
    Predictions as Predictions,
)
from .evaluation import (
    evaluation_of_images as evaluation_of_images,
)
from .evaluation import (
    predict_split as predict_split,
)
from .freeze_audit import (
    audit as audit,
)
from .freeze_audit import (
    digests as digests,
)
from .label_codes import (
    class_codes as class_codes,
)
from .label_codes import (
    class_scores as class_scores,
)
from .loop import (
    Journal as Journal,
)
from .loop import (
    epochs as epochs,
)
from .loop import (
    evaluate_split as evaluate_split,
)
from .losses import (
    Loss as Loss,
)
from .losses import (
    bce as bce,
)
from .losses import (
    cross_entropy as cross_entropy,
)
from .losses import (
    focal as focal,
)
from .losses import (
    weighted as weighted,
)
from .optimizers import (
    optimizer as optimizer,
)
from .optimizers import (
    schedule as schedule,
)
from .parts import (
    Parts as Parts,
)
from .setup import (
    Task as Task,
)
from .setup import (
    prepare as prepare,
)
from .step import (
    Batch as Batch,
)
from .step import (
    TrainState as TrainState,
)
from .step import (
    init_state as init_state,
)
from .step import (
    make_eval_step as make_eval_step,
)
from .step import (
    make_train_step as make_train_step,
)
from .trainable import (
    combine as combine,
)
from .trainable import (
    freeze as freeze,
)
from .trainable import (
    label as label,
)
from .trainable import (
    live_norms as live_norms,
)
from .trainable import (
    partition as partition,
)
from .training_data import (
    load_training_data as load_training_data,
)
