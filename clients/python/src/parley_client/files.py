"""Uploads, in pieces and through lost connections (tus 1.0). What comes back is a part of a message: ``send("Look", parts=[part])``."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import secrets
import urllib.error
import urllib.request
from typing import Any, Dict, Mapping, Optional, Tuple

from .errors import ParleyError

_PIECE_BYTES = 4 * 1024 * 1024
_TRIES = 12
_TIMEOUT_S = 60.0


async def upload(
    server: str, token: Optional[str], data: bytes, name: str, *, media_type: str = "", id: Optional[str] = None, piece_bytes: int = _PIECE_BYTES
) -> Dict[str, Any]:
    """Sends a file to ``server``, such as ``https://chat.example``. Begun again under its ``id``, it goes on where it was. Raises ParleyError."""
    files = f"{server.rstrip('/')}/api/v1/files"
    said = {"filename": name, "filetype": media_type, "id": id or secrets.token_urlsafe(12)}
    metadata = ",".join(f"{key} {base64.b64encode(value.encode()).decode()}" for key, value in said.items() if value)
    creation = {"Upload-Length": str(len(data)), "Upload-Metadata": metadata}
    headers, _ = await _until_sent("POST", files, token, creation)
    address = f"{files}/{headers['location'].rsplit('/', 1)[-1]}"
    failures = 0
    while True:
        headers, _ = await _until_sent("HEAD", address, token, {})
        offset = int(headers["upload-offset"])
        if offset >= len(data):
            break
        try:
            while offset < len(data):
                more = {"Upload-Offset": str(offset), "Content-Type": "application/offset+octet-stream"}
                headers, _ = await _send("PATCH", address, token, more, data[offset : offset + piece_bytes])
                offset, failures = int(headers["upload-offset"]), 0
        except ParleyError as error:
            failures += 1
            await _pause(error, failures)
    _, info = await _until_sent("GET", f"{address}/info", token, {})
    return {"type": "file", **{key: info[key] for key in ("file_id", "name", "media_type", "bytes")}}


Answer = Tuple[Mapping[str, str], Dict[str, Any]]


async def _until_sent(method: str, address: str, token: Optional[str], headers: Mapping[str, str]) -> Answer:
    for failures in range(1, _TRIES + 1):
        try:
            return await _send(method, address, token, headers)
        except ParleyError as error:
            await _pause(error, failures)
    raise AssertionError("the last pause raises")


async def _pause(error: ParleyError, failures: int) -> None:
    # CONFLICT: the file goes on elsewhere; where, the server is asked.
    if failures >= _TRIES or not (error.retryable or error.code == "CONFLICT"):
        raise error
    await asyncio.sleep(min(8.0, 0.25 * 2**failures) * random.uniform(0.75, 1.25))


async def _send(method: str, address: str, token: Optional[str], headers: Mapping[str, str], body: Optional[bytes] = None) -> Answer:
    return await asyncio.get_running_loop().run_in_executor(None, _request, method, address, token, headers, body)


def _request(method: str, address: str, token: Optional[str], headers: Mapping[str, str], body: Optional[bytes]) -> Answer:
    bearer = {} if token is None else {"Authorization": f"Bearer {token}"}
    request = urllib.request.Request(address, body, {"Tus-Resumable": "1.0.0", **bearer, **headers}, method=method)
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_S) as response:
            return {key.lower(): value for key, value in response.headers.items()}, _fields(response.read())
    except urllib.error.HTTPError as error:
        said = _fields(error.read())
        retryable = bool(said.get("retryable", error.code >= 500))
        raise ParleyError(said.get("error", f"The server answered {error.code}."), said.get("code", f"HTTP_{error.code}"), retryable) from error
    except OSError as error:
        raise ParleyError(f"The server cannot be reached: {error}", "OVERLOADED", True) from error


def _fields(text: bytes) -> Dict[str, Any]:
    """A proxy answers with pages of its own."""
    try:
        answer = json.loads(text)
    except ValueError:
        return {}
    return answer if isinstance(answer, dict) else {}
