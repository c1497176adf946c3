"""What a viewer of a conversation has: the fold of its frames, as ``libs/protocol`` of Parley has it (docs/protocol.md).

A view is never changed: each frame makes a new one. All of it is plain data: frames and parts are the dictionaries that came over the wire.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, Iterable, List, Mapping, Optional, Tuple

Frame = Mapping[str, Any]
Part = Mapping[str, Any]
Parts = Tuple[Part, ...]

_ENDS = frozenset(("complete", "cancelled", "error"))
_UNDER_WAY = frozenset(("thinking", "progress", "reasoning", "token", "tool_call_start", "turn_restarted"))
_GOES_ON = frozenset(("tool_call_progress", "tool_call_end", "approval_decided"))
_ABOUT_WAIT = frozenset(("approval_required", "approval_decided", "waiting"))
#: What an answer shows of them at most; the same for all who fold.
_MOST_CALL_FILES = 32
_EVENTS = _ENDS | _UNDER_WAY | _GOES_ON | _ABOUT_WAIT | frozenset(("message",))
_CALL_FIELDS = "call_id tool_name arguments arguments_bytes arguments_id status result duration_ms truncated result_bytes result_id approval".split()
_TERMS = ("four_eyes", "like_ms", "form", "policy_reason")
_SAID_ALIKE = ("status", "result", "arguments_bytes", "truncated")


@dataclass(frozen=True)
class Turn:
    """One message with its answer, as far as it was seen."""

    turn_id: str
    attempt: int = 1
    #: The answer so far, in the order in which it came.
    parts: Parts = ()
    #: ``queued``, ``running``, ``waiting``, or how it ended: ``complete``, ``cancelled``, ``error``.
    status: str = "queued"
    #: The user's message, once seen.
    message: Optional[Frame] = None
    #: The frame that ended it, once it has ended.
    outcome: Optional[Frame] = None

    @property
    def text(self) -> str:
        """The plain answer: its text parts together."""
        return text_of(self.parts)

    @property
    def pending_approvals(self) -> List[Part]:
        """Calls that wait for a person."""
        return [part for part in self.parts if _is_pending(part)]


@dataclass(frozen=True)
class View:
    """A conversation as its viewer has it."""

    conversation_id: str
    #: Cursor: sequence of the last frame folded; 0: none.
    seq: int = 0
    title: Optional[str] = None
    #: In the order in which they were first seen.
    turns: Tuple[Turn, ...] = ()
    #: The transcript as of the last snapshot that carried one.
    transcript: Tuple[Frame, ...] = ()
    #: What waits, as the server said it last.
    waiting: Tuple[Frame, ...] = ()

    def turn(self, turn_id: str) -> Optional[Turn]:
        return next((turn for turn in reversed(self.turns) if turn.turn_id == turn_id), None)


def text_of(parts: Iterable[Part]) -> str:
    return "".join(part["text"] for part in parts if part["type"] == "text")


def fold(view: View, frame: Frame) -> View:
    """The view after one frame; the same one if it has that frame already, or if only a newer client knows it."""
    kind = frame.get("type")
    if kind == "queue":
        return replace(view, waiting=tuple(frame.get("turns", ())))
    seq = frame.get("seq")
    if not isinstance(seq, int) or seq <= view.seq:
        return view
    if kind == "snapshot":
        return _fold_snapshot(replace(view, seq=seq, title=frame.get("title", view.title)), frame)
    if kind == "title":
        return replace(view, seq=seq, title=frame["title"])
    if kind not in _EVENTS:
        return replace(view, seq=seq)
    view = replace(view, seq=seq, turns=_with_turn(view.turns, frame.get("turn_id"), lambda turn: _fold_event(turn, frame)))
    return _with_changed(view, frame) if kind == "message" else view

def _with_turn(turns: Tuple[Turn, ...], turn_id: Optional[str], change: Callable[[Turn], Turn]) -> Tuple[Turn, ...]:
    if turn_id is None:
        return turns
    for at in range(len(turns) - 1, -1, -1):
        if turns[at].turn_id == turn_id:
            return turns[:at] + (change(turns[at]),) + turns[at + 1 :]
    fresh = Turn(turn_id)
    turn = change(fresh)
    return turns if turn == fresh else turns + (turn,)

def _with_changed(view: View, event: Frame) -> View:
    """A snapshot may have brought the message as it was before its author changed it."""
    if "changed" not in event:
        return view

    def changed(message: Frame) -> Frame:
        if message["message_id"] != event["message_id"]:
            return message
        files = [part for part in message.get("parts", ()) if part["type"] == "file"]
        text = [{"type": "text", "text": event["message"]}] if event["message"] else []
        return {**message, "message": event["message"], "parts": [*text, *files]}

    return replace(view, transcript=tuple(changed(message) for message in view.transcript))

def _fold_event(turn: Turn, event: Frame) -> Turn:
    kind = event["type"]
    if kind == "message":
        return replace(turn, message=event)
    if turn.outcome is not None and kind in _ABOUT_WAIT:
        return turn
    parts = _fold_parts(turn.parts, event)
    attempt = event.get("attempt", turn.attempt)
    if kind in _ENDS:
        return replace(turn, attempt=attempt, parts=parts, status=kind, outcome=event)
    return replace(turn, attempt=attempt, parts=parts, status=_status_after(turn.status, kind, parts))

def _status_after(status: str, kind: str, parts: Parts) -> str:
    if kind == "approval_decided" and status == "waiting" and any(map(_is_pending, parts)):
        return status
    if kind == "waiting":
        return "waiting" if status in ("queued", "running") else status
    is_on = kind in _UNDER_WAY or (status == "waiting" and kind in _GOES_ON)
    return "running" if is_on and status in ("queued", "waiting") else status

def _fold_parts(parts: Parts, event: Frame) -> Parts:
    kind = event["type"]
    if kind == "token":
        return _with_end(parts, {"type": "text", "text": event["token"]})
    if kind == "reasoning":
        shown = {"shown": True} if event.get("shown") is True else {}
        return _with_end(parts, {"type": "reasoning", "text": event["token"], **shown})
    if kind == "progress":
        return _with_sources(parts, event.get("sources", ()))
    if kind == "tool_call_start":
        return _with_call(parts, event["call_id"], lambda known: known or _call_part(event))
    if kind == "tool_call_end":
        parts = _with_call(parts, event["call_id"], lambda known: _ended_call(known, event))
        return _with_call_files(parts, event["call_id"], event.get("files", ()))
    if kind == "approval_required":
        return _with_approval(parts, event, _pick(event, ("summary", "preview", "confirm", *_TERMS, "expires_at")))
    if kind == "approval_decided":
        return _with_approval(parts, event, _pick(event, ("approved", "by", "reason", "like_for_ms")))
    if kind == "turn_restarted":
        return _restarted(parts, event["text"])
    if kind in _ENDS:
        return _with_stored(parts, event["response"], event.get("tool_calls", ()))
    return parts

def _with_end(parts: Parts, more: Dict[str, Any]) -> Parts:
    """Appends to the last part if it is of this type, else opens one."""
    if more["text"] == "":
        return parts
    if parts and parts[-1]["type"] == more["type"]:
        return parts[:-1] + ({**parts[-1], "text": parts[-1]["text"] + more["text"]},)
    return parts + (more,)

def _with_sources(parts: Parts, sources: Iterable[Mapping[str, Any]]) -> Parts:
    known = {(part.get("file", ""), part["title"]) for part in parts if part["type"] == "source"}
    for source in sources:
        place = (source.get("file", ""), source["title"])
        if place not in known:
            known.add(place)
            parts += ({"type": "source", **source},)
    return parts

def _pick(record: Mapping[str, Any], names: Iterable[str]) -> Dict[str, Any]:
    return {name: record[name] for name in names if name in record}

def _call_part(call: Mapping[str, Any]) -> Dict[str, Any]:
    return {"type": "tool_call", **_pick(call, _CALL_FIELDS)}

def _with_call(parts: Parts, call_id: str, change: Callable[[Optional[Part]], Optional[Part]]) -> Parts:
    for at, part in enumerate(parts):
        if part["type"] == "tool_call" and part["call_id"] == call_id:
            changed = change(part)
            return parts if changed is None else parts[:at] + (changed,) + parts[at + 1 :]
    added = change(None)
    return parts if added is None else parts + (added,)

def _with_call_files(parts: Parts, call_id: str, files: Iterable[Part]) -> Parts:
    """The files that a tool has given back stand behind its call. One that is there already stays where it is: an end may be told again."""
    known = {part["file_id"] for part in parts if part["type"] == "file"}
    added = tuple(file for file in files if file["file_id"] not in known)[: max(0, _MOST_CALL_FILES - len(known))]
    if not added:
        return parts
    at = next(at for at, part in enumerate(parts) if part["type"] == "tool_call" and part["call_id"] == call_id) + 1
    while at < len(parts) and parts[at]["type"] == "file":
        at += 1
    return parts[:at] + added + parts[at:]

def _ended_call(known: Optional[Part], ended: Mapping[str, Any]) -> Part:
    call = _call_part(ended)
    if known is None or "approval" not in known:
        return call
    return {**call, "approval": {**known["approval"], **call.get("approval", {})}}

def _with_approval(parts: Parts, event: Frame, more: Dict[str, Any]) -> Parts:
    def change(known: Optional[Part]) -> Optional[Part]:
        if known is not None:
            return {**known, "approval": {**known.get("approval", {}), **more}}
        # Of a decision without its question nothing can be shown.
        if "tool_name" not in event or "arguments" not in event:
            return None
        return {"type": "tool_call", **_pick(event, ("call_id", "tool_name", "arguments")), "approval": more}

    return _with_call(parts, event["call_id"], change)

def _restarted(all_parts: Parts, text: str) -> Parts:
    """What an unfinished step thought and said after the text that stays is gone; sources stay, and calls that were committed."""
    before = text_of(all_parts)
    kept = _with_text(_without_lost_calls(all_parts, len(text)) if before.startswith(text) else all_parts, text)
    committed = _last_index(kept, "tool_call")
    goes_on = before.startswith(text) or text.startswith(before)
    end = max(committed, _last_index(kept, "text")) if goes_on else committed
    return tuple(part for at, part in enumerate(kept) if at <= end or part["type"] != "reasoning")

def _last_index(parts: Parts, kind: str) -> int:
    return max((at for at, part in enumerate(parts) if part["type"] == kind), default=-1)

def _without_lost_calls(parts: Parts, text_length: int) -> Parts:
    length = 0
    kept: List[Part] = []
    for part in parts:
        if part["type"] == "text":
            length += len(part["text"])
        if part["type"] != "tool_call" or "status" in part or length <= text_length:
            kept.append(part)
    return tuple(kept)

def _with_text(parts: Parts, text: str) -> Parts:
    before = text_of(parts)
    if before == text:
        return parts
    if text.startswith(before):
        return _with_end(parts, {"type": "text", "text": text[len(before) :]})
    if before.startswith(text):
        return _cut_text(parts, len(text))
    others = [part for part in parts if part["type"] != "text"]
    call = next((at for at, part in enumerate(others) if part["type"] == "tool_call"), len(others))
    others.insert(call, {"type": "text", "text": text})
    return tuple(others)

def _cut_text(parts: Parts, room: int) -> Parts:
    kept: List[Part] = []
    for part in parts:
        if part["type"] != "text":
            kept.append(part)
            continue
        text = part["text"][:room]
        room -= len(text)
        if text != "":
            kept.append(part if text == part["text"] else {**part, "text": text})
    return tuple(kept)

def _with_stored(parts: Parts, text: str, calls: Iterable[Mapping[str, Any]]) -> Parts:
    """What is stored of an answer without its order, put on the parts that a viewer has of it."""
    stored = _with_text(parts, text)
    for call in calls:
        stored = _with_call(stored, call["call_id"], lambda known, call=call: _stored_call(known, call))  # type: ignore[misc]
    return tuple(_without_preview(part) for part in stored)

def _stored_call(known: Optional[Part], call: Mapping[str, Any]) -> Part:
    if known is not None and all(known.get(name) == call.get(name) for name in _SAID_ALIKE):
        return known
    return _ended_call(known, call)

def _without_preview(part: Part) -> Part:
    if part["type"] != "tool_call" or "preview" not in part.get("approval", {}):
        return part
    return {**part, "approval": {name: value for name, value in part["approval"].items() if name != "preview"}}

def _is_pending(part: Part) -> bool:
    if part["type"] != "tool_call" or "status" in part or "approval" not in part:
        return False
    return "approved" not in part["approval"]

def _fold_snapshot(view: View, frame: Frame) -> View:
    transcript = frame.get("messages")
    known = view.turns if transcript is None else _reached(view.turns, transcript)
    turns = _with_turn(known, frame.get("turn_id"), lambda turn: _replaced(turn, frame))
    if transcript is None:
        return replace(view, turns=turns)
    return replace(view, turns=turns, transcript=tuple(transcript), waiting=tuple(frame.get("queue", ())))

def _replaced(turn: Turn, frame: Frame) -> Turn:
    parts = frame.get("parts")
    if parts is None:  # an edge of an older version does not say in which order they came
        text = frame.get("text", "")
        parts = [*([{"type": "text", "text": text}] if text else []), *map(_call_part, frame.get("tool_calls", ()))]
    status = frame.get("status")
    if status == "idle" or turn.outcome is not None:
        status = turn.status
    elif status not in ("queued", "waiting"):
        status = "running"
    return replace(turn, attempt=frame.get("attempt", turn.attempt), parts=tuple(parts), status=status)

def _reached(turns: Tuple[Turn, ...], transcript: Iterable[Frame]) -> Tuple[Turn, ...]:
    """A transcript that reaches none of the known turns is of a viewer who was away for long: what ended before it is no more shown."""
    answers = {message["turn_id"]: message for message in transcript if message["author"]["role"] == "assistant"}
    reached = {message["turn_id"] for message in transcript}
    told = tuple(_ended_by(turn, answers.get(turn.turn_id)) for turn in turns)
    if not reached or any(turn.turn_id in reached for turn in told):
        return told
    return tuple(turn for turn in told if turn.outcome is None)

def _ended_by(turn: Turn, answer: Optional[Frame]) -> Turn:
    """The transcript also says how turns ended whose last event can no longer be had."""
    if answer is None:
        return turn
    outcome = turn.outcome or _outcome_of(answer)
    parts = answer.get("parts")
    if parts is None:
        calls = answer.get("tool_calls", ())
        parts = _with_stored(turn.parts, answer["message"], calls) if turn.parts and calls else _stored_parts(answer)
    return replace(turn, parts=tuple(parts), outcome=outcome, status=outcome["type"])

def _stored_parts(answer: Frame) -> Parts:
    sources = answer.get("metadata", {}).get("context", {}).get("sources", ())
    text = answer["message"]
    return (
        *({"type": "source", **source} for source in sources),
        *([{"type": "text", "text": text}] if text else []),
        *map(_call_part, answer.get("tool_calls", ())),
    )

def _outcome_of(answer: Frame) -> Frame:
    status = answer.get("status")
    kind = status if status in ("cancelled", "error") else "complete"
    ended = {
        "response": answer["message"],
        "message_id": answer["message_id"],
        "tool_calls": answer.get("tool_calls", []),
        "usage": answer.get("usage", {"input_tokens": 0, "output_tokens": 0, "estimated": True}),
    }
    if kind == "cancelled":
        return {"type": kind, **ended, "reason": "cancelled"}
    if kind == "error":
        failure = {"error": "The answer failed.", "code": "PROCESSING_ERROR", "retryable": True}
        return {"type": kind, **ended, **failure, **_pick(answer, ("error", "code", "retryable"))}
    return {"type": kind, **ended, "metadata": answer.get("metadata", {})}
