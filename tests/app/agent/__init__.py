"""The agent, its relay and the server's end."""
