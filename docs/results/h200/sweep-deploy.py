# What to pass to sglang as enable_es, by moetop d023e51.
# NVIDIA H200 · timer cupti · seed 1
# moetop sweep --deploy=python --model=dsv3-tp8,qwen3-30b --tokens=1,2,4,8,16,32,64,128,256,512,1024,2048,4096,8192 --routing=uniform --kernels=cutlass --pairs=20 --time=2.5s --seed=1
# A row holds up to a number of tokens; between measured numbers it changes in the middle, on a
# logarithmic scale. What was not measured, or makes no difference, is (False, False).
ENABLE_ES = {
    ("dsv3-tp8", "uniform", "cutlass"): [
        (5, (False, False)),  # 1..4: leave ES off: up 0.81x [0.74, 0.94], down 0.70x [0.58, 0.87]
        (11, (False, True)),  # 8: ES gains 1.00x [0.99, 1.00]; leave off: up 0.89x [0.89, 0.89]
        (45, (True, True)),  # 16..32: ES gains 1.11x [1.11, 1.11]
        (362, (False, True)),  # 64..256: ES gains 1.10x [1.09, 1.12]; leave off: up 0.99x [0.98, 1.00]
        (1448, (True, True)),  # 512..1024: ES gains 1.31x [1.25, 1.37]
        (2896, (False, True)),  # 2048: ES gains 1.06x [1.06, 1.07]; leave off: up 0.93x [0.93, 0.93]
        (8192, (False, False)),  # 4096..8192: leave ES off: up 0.97x [0.96, 0.98], down 0.97x [0.96, 0.98]
    ],
    ("qwen3-30b", "uniform", "cutlass"): [
        (8192, (False, False)),  # 1..8192: leave ES off: up 0.92x [0.77, 1.00], down 0.86x [0.67, 1.01]
    ],
}


def enable_es(model, tokens, routing="uniform", kernels="cutlass"):
    """Return (up, down) for a batch; a model, routing or kernel family that was not swept is a KeyError."""
    for last, up_down in ENABLE_ES[model, routing, kernels]:
        if tokens <= last:
            return up_down
    return (False, False)
