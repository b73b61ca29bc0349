"""What a report looks like: a page and a trace, drawn from the report and from nothing else."""

from ttsflow.report.timeline.forms import Form, form_of, write_timeline
from ttsflow.report.timeline.stored import StoredReport

__all__ = ["Form", "StoredReport", "form_of", "write_timeline"]
