"""Who talks to the bucket: by default whom Google's client libraries find, or else the account of gcloud.

`./deploy.sh` asks for gcloud's account, so that one sign-in (`gcloud auth login`) is enough for all it does.
"""

from __future__ import annotations

import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from google.auth.exceptions import RefreshError
from google.oauth2.credentials import Credentials

TRUSTED_FOR = timedelta(minutes=30)
"""How long a token of gcloud is used before gcloud is asked again: it prints a new one each time, good for an hour."""


def of_gcloud(gcloud: str = "gcloud") -> Credentials:
    """Credentials that ask *gcloud* for an access token whenever one is due. Tokens are never printed or stored."""

    def refresh(_request: Any, scopes: Sequence[str] | None = None) -> tuple[str, datetime]:  # noqa: ARG001 - given by name
        try:
            answer = subprocess.run(
                [gcloud, "auth", "print-access-token"], capture_output=True, text=True, check=True, timeout=60
            )
        except (OSError, subprocess.SubprocessError) as error:
            raise RefreshError(f"{gcloud} gives no access token; gcloud auth login") from error  # type: ignore[no-untyped-call]
        end = datetime.now(UTC) + TRUSTED_FOR
        return answer.stdout.strip(), end.replace(tzinfo=None)  # google-auth compares with naive UTC

    return Credentials(None, refresh_handler=refresh)  # type: ignore[no-untyped-call]
