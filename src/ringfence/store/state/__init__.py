"""The small durable state of the server and of each enforcer: one SQLite file, a module per kind of row."""

from ringfence.store.state.database import Database

__all__ = ["Database"]
