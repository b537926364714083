"""A stand-in for Azure's command line: signs in at the service and prints tokens."""

from __future__ import annotations

import sys
from pathlib import Path

_SCRIPT = """#!{python}
import json, sys, time, urllib.parse, requests

if sys.argv[1:3] != ["account", "get-access-token"]:
    sys.exit("ERROR: this az knows `account get-access-token` only, not " + " ".join(sys.argv[1:]))
form = {{
    "client_id": "{client}",
    "client_secret": "{secret}",
    "grant_type": "client_credentials",
    "scope": "https://management.azure.com/.default",
}}
url = "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token"
answer = requests.post(url, data=form, timeout=30).json()
if "access_token" not in answer:
    sys.exit("ERROR: " + answer["error_description"] + " Please run: az login")
expires = int(time.time() + answer["expires_in"])
print(json.dumps({{
    "accessToken": answer["access_token"],
    "expiresOn": time.strftime("%Y-%m-%d %H:%M:%S.000000", time.localtime(expires)),
    "expires_on": expires,
    "tenant": "{tenant}",
    "tokenType": "Bearer",
}}))
"""


def write_az(directory: Path, tenant: str, client: str, secret: str) -> Path:
    """Write the program `az` into a directory; returns its path."""
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / "az"
    text = _SCRIPT.format(python=sys.executable, tenant=tenant, client=client, secret=secret)
    path.write_text(text)
    path.chmod(0o700)
    return path
