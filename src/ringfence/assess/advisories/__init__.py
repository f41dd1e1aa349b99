"""Hardware advisories: from a publisher's prose and an estate's facts to verdicts, which are facts again."""
