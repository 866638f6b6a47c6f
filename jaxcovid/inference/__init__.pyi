from .grad_cam import (
    compiled_grad_cam as compiled_grad_cam,
)
from .grad_cam import (
    grad_cam_of_features as grad_cam_of_features,
)
from .inference_model import (
    InferenceModel as InferenceModel,
)
from .inference_model import (
    load as load,
)
from .predict import (
    Answer as Answer,
)
from .predict import (
    image_files as image_files,
)
