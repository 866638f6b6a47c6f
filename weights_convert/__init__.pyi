from .convert import (
    check as check,
)
from .convert import (
    flax_to_torch as flax_to_torch,
)
from .convert import (
    torch_to_flax as torch_to_flax,
)
from .detection import (
    architecture_of as architecture_of,
)
from .detection import (
    detect as detect,
)
from .errors import (
    ConversionError as ConversionError,
)
from .errors import (
    FormatError as FormatError,
)
from .files import (
    Weights as Weights,
)
from .files import (
    load as load,
)
from .files import (
    read as read,
)
from .files import (
    save as save,
)
from .names import (
    ARCHITECTURES as ARCHITECTURES,
)
from .names import (
    Architecture as Architecture,
)
from .names import (
    Entry as Entry,
)
from .names import (
    Layout as Layout,
)
from .names import (
    WeightsFile as WeightsFile,
)
from .names import (
    head_names as head_names,
)
from .names import (
    table as table,
)
