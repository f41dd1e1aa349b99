"""How a host should be set, and what would have to change: values only. `enforce.host` acts on them."""
