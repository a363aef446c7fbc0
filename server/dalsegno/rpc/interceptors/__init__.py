"""
One concern each; their order is written in `server.py`.
"""
