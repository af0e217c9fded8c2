"""`python -m cc_relay` is `cc-relay`."""

from cc_relay.cli import main

if __name__ == "__main__":
    main()
