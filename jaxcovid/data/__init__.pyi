from .dataset import (
    Dataset as Dataset,
)
from .dataset import (
    Split as Split,
)
from .dataset import (
    subset as subset,
)
from .disk import (
    Progress as Progress,
)
from .disk import (
    StoredPixels as StoredPixels,
)
from .fewer_images import (
    limit_train as limit_train,
)
from .images import (
    evaluation_view as evaluation_view,
)
from .images import (
    read_image as read_image,
)
from .layout import (
    path_text as path_text,
)
from .listing import (
    list_images as list_images,
)
from .loader import (
    Examples as Examples,
)
from .loader import (
    Indices as Indices,
)
from .loader import (
    batches as batches,
)
from .loader import (
    epoch_order as epoch_order,
)
from .loader import (
    normalise as normalise,
)
from .loader import (
    purpose_key as purpose_key,
)
from .loader import (
    read_batches as read_batches,
)
from .loader import (
    training_images as training_images,
)
from .merge import (
    merged as merged,
)
from .patients import (
    Patients as Patients,
)
from .patients import (
    assign_patients as assign_patients,
)
from .patients import (
    read_patients as read_patients,
)
from .readable import (
    UnreadableError as UnreadableError,
)
from .sources import (
    load_dataset as load_dataset,
)
from .sources import (
    load_evaluation_split as load_evaluation_split,
)
from .sources import (
    phantoms as phantoms,
)
from .split_folders import (
    SPLITS as SPLITS,
)
