"""
How long the random programs are tried for; `--hypothesis-profile=deep` takes hours if it must.
"""

from hypothesis import HealthCheck, settings

_COMMON = settings(
    deadline=None,  # a test has a time-out as a whole
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    report_multiple_bugs=False,
)

settings.register_profile(
    "walks", _COMMON, derandomize=True, database=None, max_examples=120, stateful_step_count=10
)
settings.register_profile(
    "deep", _COMMON, max_examples=5000, stateful_step_count=25, print_blob=True
)
