"""
The drafts: a row each in `wsfallback.drafts.table`, and a file for each that Autobahn can't speak.
"""
