from .audit_page import (
    audit_page as audit_page,
)
from .cautions import (
    run_cautions as run_cautions,
)
from .finding_words import (
    findings_summary as findings_summary,
)
from .findings_page import (
    findings_page as findings_page,
)
from .findings_page import (
    findings_pictures as findings_pictures,
)
from .page import (
    comparison_page as comparison_page,
)
from .page import (
    run_page as run_page,
)
from .pictures import (
    Picture as Picture,
)
from .pictures import (
    audit_pictures as audit_pictures,
)
from .pictures import (
    chart_picture as chart_picture,
)
from .pictures import (
    comparison_picture as comparison_picture,
)
from .pictures import (
    run_pictures as run_pictures,
)
from .settings_tables import (
    flag_tables as flag_tables,
)
from .tables import (
    Table as Table,
)
from .templates import (
    template as template,
)
from .text import (
    announcement as announcement,
)
from .text import (
    audit_summary as audit_summary,
)
from .text import (
    comparison_summary as comparison_summary,
)
from .text import (
    epoch_line as epoch_line,
)
from .text import (
    results_note as results_note,
)
from .text import (
    run_summary as run_summary,
)
from .verdicts import (
    audit_verdict as audit_verdict,
)
from .verdicts import (
    comparison_verdict as comparison_verdict,
)
from .verdicts import (
    run_verdict as run_verdict,
)

DISCLAIMER: str
