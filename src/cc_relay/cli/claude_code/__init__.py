"""Claude Code's settings file: pointed at the relay, and back."""
