"""Policy files that ship with ttsflow; `ttsflow run --policy NAME` finds them by name."""
