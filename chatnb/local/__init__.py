"""The embedded model: find its file, serve it on loopback, put right what its server gets wrong.

Nothing here fetches or starts anything before the first request.
"""
