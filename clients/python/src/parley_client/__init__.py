"""A client of Parley: it reconnects, resumes by cursor, and folds frames into what a viewer has."""

from .client import Client, Conversation
from .errors import ClosedError, ParleyError
from .files import upload
from .fold import Frame, Part, Turn, View, fold, text_of

__all__ = ["Client", "ClosedError", "Conversation", "Frame", "ParleyError", "Part", "Turn", "View", "fold", "text_of", "upload"]
