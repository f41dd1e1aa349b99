"""Assessing: reads what the user names, hands values to `ringfence.assess`, and shapes what comes back."""
