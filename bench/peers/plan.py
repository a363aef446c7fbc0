"""
What is measured, and how often.
"""

CALLERS = (1, 16, 64)
STEPS = 10
ROUNDS = 5
SECONDS = 1.0  # of each rate in each round; the last runs end after that

# Lengths of the sources of time travels. A contender that takes longer than this for the run of
# 100 steps is not asked for the longest.
LENGTHS = (10, 100, 1_000)
PATIENCE_S = 5.0
TRAVELS = 5  # of each length in each round

# Runs that are stored: some before, as first pages are hardly filled, then many small ones, and few
# with texts of 1 KiB.
FIRST_RUNS = 20
SMALL_RUNS = 50
TEXT_RUNS, TEXT_STEPS, TEXT_BYTES = 5, 100, 1024

# Bars of the project: ours through gRPC, against the fastest peer in process.
BARS = {16: 4.0, 1: 1.0}
