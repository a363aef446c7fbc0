"""
Runs conformance scenarios through a real server: `python -m tests.conformance [DIR...]`.
"""
