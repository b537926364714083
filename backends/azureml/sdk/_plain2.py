"""Plain calls to the services of a workspace, where the SDK's own lose something silently.

``jobs.list(parent_job_name=)`` gives a single page of children, and ``jobs.get`` reads all of a
job where its state is wanted. Both are documented addresses with few fields, read here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from backends.azureml.sdk._signin2 import cloud
from backends.azureml.sdk.types import AzureTrouble, Trouble

_WORKSPACE_VERSION = "2024-10-01"
_JOB_VERSION = "2024-01-01-preview"
_PAGE = 500
_CONNECT_SECONDS, _READ_SECONDS = 20, 60

Record = Mapping[str, Any]
"""An answer, or one entry of it, with the names of the service."""


class Services:
    """The resource manager, and the run history of one workspace.

    Every call raises what azure-core raises.

    Args:
        credential: Of azure-identity.
        subscription: Id of the subscription.
        group: Name of the resource group.
        workspace: Name of the workspace.
    """

    def __init__(self, credential: Any, subscription: str, group: str, workspace: str) -> None:
        self._credential = credential
        self._resources = cloud().resources
        self._path = (
            f"/subscriptions/{subscription}/resourceGroups/{group}"
            f"/providers/Microsoft.MachineLearningServices/workspaces/{workspace}"
        )
        self._client = self._new_client(self._resources, signed_in=True)
        self._history = ""

    def workspace(self) -> Record:
        """The workspace as the resource manager has it."""
        return self._get(self._resources + self._path, {"api-version": _WORKSPACE_VERSION})

    def job(self, name: str) -> Record:
        """A job: ``name``, and its ``properties`` with ``status``, ``services``, ``tags``."""
        url = f"{self._resources}{self._path}/jobs/{name}"
        return self._get(url, {"api-version": _JOB_VERSION})

    def children(self, name: str) -> Iterator[Record]:
        """The run records of all children of a job, page after page."""
        url = f"{self._runs()}/{name}/children"
        query: dict[str, Any] = {"$top": _PAGE}
        seen: set[str] = set()
        while True:
            page = self._get(url, query)
            yield from page["value"] or ()
            link, token = str(page.get("nextLink") or ""), page.get("continuationToken")
            if link.startswith(self._runs()):  # our token goes to no other host
                url, query = link, {}
            elif token:
                query = {**query, "$continuationtoken": token}
            elif link:
                raise AzureTrouble(Trouble.REFUSED, f"a listing goes on at another host: {link}")
            else:
                return
            place = f"{url} {token}"
            if place in seen:
                raise AzureTrouble(Trouble.NETWORK, "a listing of children repeats itself")
            seen.add(place)

    def run(self, name: str) -> Record:
        """The run record of a job."""
        from azure.core.rest import HttpRequest

        url = f"{self._runs().rpartition('/')[0]}/rundata"
        request = HttpRequest("POST", url, json={"runId": name, "selectRunMetadata": True})
        found: Record = self._answer(self._client, request).get("runMetadata") or {}
        return found

    def post(self, url: str) -> None:
        """Ask for what a record of the run history says is done at an address."""
        from azure.core.rest import HttpRequest

        host = urlsplit(self._runs()).netloc
        if urlsplit(url).netloc != host:  # our token goes to no other host
            raise AzureTrouble(Trouble.REFUSED, f"an address is at another host: {url}")
        self._client.send_request(HttpRequest("POST", url)).raise_for_status()

    def _runs(self) -> str:
        """Address of the runs in the run history."""
        if not self._history:
            from azure.core.rest import HttpRequest

            url = self.workspace()["properties"]["discoveryUrl"]
            # no token goes there: it answers everybody
            client = self._new_client(url, signed_in=False)
            api = self._answer(client, HttpRequest("GET", url))["api"]
            self._history = f"{api.rstrip('/')}/history/v1.0{self._path}/runs"
        return self._history

    def _get(self, url: str, query: Mapping[str, Any]) -> Record:
        from azure.core.rest import HttpRequest

        return self._answer(self._client, HttpRequest("GET", url, params=query))

    @staticmethod
    def _answer(client: Any, request: Any) -> Record:
        response = client.send_request(request)
        response.raise_for_status()
        found = response.json()
        if not isinstance(found, dict):
            raise AzureTrouble(Trouble.NETWORK, f"{request.method} {request.url}: no such answer")
        return found

    def _new_client(self, url: str, *, signed_in: bool) -> Any:
        """A client that sends each request once: its caller repeats calls, and says so."""
        from azure.core import PipelineClient
        from azure.core.pipeline.policies import BearerTokenCredentialPolicy, HeadersPolicy

        policies: list[Any] = [HeadersPolicy({"Accept": "application/json"})]
        if signed_in:
            policies.append(BearerTokenCredentialPolicy(self._credential, cloud().scope))
        return PipelineClient(
            url,
            policies=policies,
            connection_timeout=_CONNECT_SECONDS,
            read_timeout=_READ_SECONDS,
        )
