"""
Real sockets, real processes, and clients that other people made.
"""
