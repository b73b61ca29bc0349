"""`python -m ttsflow` is `ttsflow`."""

from ttsflow.cli import main

if __name__ == "__main__":
    main(prog_name="ttsflow")
