"""`ringfence guard`: watch, plan, guard and act in one process, and what people ask of it."""
