"""Worker processes: one process with one loaded model on one device, and the small protocol it speaks."""
