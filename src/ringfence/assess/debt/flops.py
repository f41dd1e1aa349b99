"""Published peak figures of accelerators: dense 16-bit tensor throughput, in TFLOP/s.

Makers' data sheets print figures "with sparsity" for Ampere and later; those are halved here. A model that is not in
the table is told as unknown and counts nothing: a guess would move the trend.
"""

import re
from collections.abc import Sequence

TERA = 1e12

FLOPS: Sequence[tuple[str, str, float, str]] = (
    ("GB200", "NVIDIA GB200", 2500.0, "NVIDIA GB200 NVL72 data sheet, FP16/BF16, per GPU, halved"),
    ("B200", "NVIDIA B200", 2250.0, "NVIDIA HGX B200 data sheet, FP16/BF16, per GPU, halved"),
    ("H200 NVL", "NVIDIA H200 NVL", 835.5, "NVIDIA H200 data sheet, NVL, BFLOAT16, halved"),
    ("H200", "NVIDIA H200", 989.5, "NVIDIA H200 data sheet, SXM, BFLOAT16, halved"),
    ("GH200", "NVIDIA GH200", 989.5, "NVIDIA GH200 data sheet, BFLOAT16, halved"),
    ("H100 NVL", "NVIDIA H100 NVL", 835.5, "NVIDIA H100 data sheet, NVL, BFLOAT16, halved"),
    ("H100 PCIE", "NVIDIA H100 PCIe", 756.5, "NVIDIA H100 data sheet, PCIe, BFLOAT16, halved"),
    ("H100", "NVIDIA H100", 989.5, "NVIDIA H100 data sheet, SXM, BFLOAT16, halved"),
    ("A100", "NVIDIA A100", 312.0, "NVIDIA A100 data sheet, BFLOAT16, dense"),
    ("A30", "NVIDIA A30", 165.0, "NVIDIA A30 data sheet, BFLOAT16, dense"),
    ("A40", "NVIDIA A40", 149.7, "NVIDIA A40 data sheet, BFLOAT16, dense"),
    ("A10", "NVIDIA A10", 125.0, "NVIDIA A10 data sheet, BFLOAT16, dense"),
    ("L40S", "NVIDIA L40S", 362.05, "NVIDIA L40S data sheet, BFLOAT16, dense"),
    ("L40", "NVIDIA L40", 181.05, "NVIDIA L40 data sheet, BFLOAT16, dense"),
    ("L4", "NVIDIA L4", 121.0, "NVIDIA L4 data sheet, BFLOAT16, halved"),
    ("V100 PCIE", "NVIDIA V100 PCIe", 112.0, "NVIDIA V100 data sheet, PCIe, tensor, FP16"),
    ("V100", "NVIDIA V100", 125.0, "NVIDIA V100 data sheet, SXM2, tensor, FP16"),
    ("T4", "NVIDIA T4", 65.0, "NVIDIA T4 data sheet, FP16"),
    ("MI325X", "AMD Instinct MI325X", 1307.4, "AMD Instinct MI325X data sheet, BF16, dense"),
    ("MI300X", "AMD Instinct MI300X", 1307.4, "AMD Instinct MI300X data sheet, BF16, dense"),
    ("MI250X", "AMD Instinct MI250X", 383.0, "AMD Instinct MI250X data sheet, BF16"),
    ("MI250", "AMD Instinct MI250", 362.1, "AMD Instinct MI250 data sheet, BF16"),
    ("MI210", "AMD Instinct MI210", 181.0, "AMD Instinct MI210 data sheet, BF16"),
)
"""(words that the model's name holds, in capitals; name; TFLOP/s; source), the more precise first."""


def flops_of(model: str) -> float:
    """FLOP/s of one accelerator by its model's name, 0 where the table does not have it.

    >>> flops_of("NVIDIA H100 80GB HBM3") / TERA
    989.5
    """
    words = set(re.split(r"[^A-Z0-9]+", model.upper()[:100]))
    return next((tflops * TERA for names, _, tflops, _ in FLOPS if words.issuperset(names.split())), 0.0)
