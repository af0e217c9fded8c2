"""What the port costs those who only name it."""

import subprocess
import sys

LIST_HEAVY = """
import sys
import cc_relay.management.ports
print({"starlette", "uvicorn", "h11", "anyio"} & set(sys.modules))
"""


def test_naming_the_port_takes_no_web_framework() -> None:
    done = subprocess.run([sys.executable, "-c", LIST_HEAVY], capture_output=True, text=True, check=True)

    assert done.stdout == "set()\n"
