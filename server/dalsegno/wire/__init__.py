"""
The only code that knows both protobuf messages and domain types.
"""
