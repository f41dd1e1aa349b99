"""nftables rulesets, from the text that `nft list` prints and from the JSON of `nft -j list`, as the same values.

        text ──text.read──▶ Ruleset ◀──json.read── JSON

The text says more: JSON of nft 1.0.6 leaves out the level of `socket cgroupv2`. What neither reader understands
stays in the rule as `unknown`, so that whoever judges the rule knows that he cannot.
"""
