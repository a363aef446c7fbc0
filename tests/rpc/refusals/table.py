"""
Every refusal that the runs of the stage can meet.
"""

from tests.rpc.refusals import of_names, of_payloads, of_requests, of_states

CASES = [
    *of_names.WORKFLOWS,
    *of_names.RUNS,
    *of_names.STEPS,
    *of_names.ADDRESSES,
    *of_names.REQUESTS,
    *of_payloads.UNFIT,
    *of_payloads.TOO_LARGE,
    *of_payloads.OF_WRONG_TYPE,
    *of_payloads.RECORDS,
    *of_requests.RULES,
    *of_requests.PAGE_TOKENS,
    *of_states.ALIVE_OR_ENDED,
    *of_states.SUSPENSIONS,
    *of_states.TRAVELS,
    *of_states.HISTORY,
    *of_states.DAMAGE,
    *of_states.CURSORS,
]

REASONS = sorted({case.reason for case in CASES})
