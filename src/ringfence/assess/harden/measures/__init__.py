"""All measures, one file each. A line here, a heading in docs/hardening.md and a sample make a measure."""

from ringfence.assess.harden.measures import kernel_memory, profiling_admin

MEASURES = (
    kernel_memory.MEASURE,
    profiling_admin.MEASURE,
)
