"""
The nouns. Imports nothing else of ours.
"""
