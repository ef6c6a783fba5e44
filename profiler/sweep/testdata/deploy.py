# What to pass to sglang as enable_es, by moetop v1.
# NVIDIA H200 · timer cupti · seed 1
# moetop sweep --model=dsv3-tp8
# A row holds up to a number of tokens; between measured numbers it changes in the middle, on a
# logarithmic scale. What was not measured, or makes no difference, is (False, False).
ENABLE_ES = {
    ("dsv3-tp8", "uniform", "cutlass"): [
        (1, (False, False)),  # below: not measured
        (8, (False, False)),  # 2..4: does not matter
        (128, (True, True)),  # 16..64: ES gains 1.34x [1.25, 1.44]
        (512, (False, True)),  # 256: ES gains 1.10x [1.09, 1.11]; leave off: up 0.95x [0.94, 0.96]
        (2048, (False, False)),  # 1024: leave ES off: up 0.80x [0.79, 0.81], down 0.90x [0.89, 0.91]
        (5792, (False, False)),  # 4096: not known: too few interleaved cycles; measure for longer
        (8192, (False, False)),  # 8192: not measured: does not fit: 9 bytes are missing
    ],
}


def enable_es(model, tokens, routing="uniform", kernels="cutlass"):
    """Return (up, down) for a batch; a model, routing or kernel family that was not swept is a KeyError."""
    for last, up_down in ENABLE_ES[model, routing, kernels]:
        if tokens <= last:
            return up_down
    return (False, False)
