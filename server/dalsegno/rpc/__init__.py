"""
The gRPC side of the server: handlers, errors as statuses, interceptors, and their assembly.
"""
