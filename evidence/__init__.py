"""Every experiment of the lab without its page: trained over several seeds, measured, held against what is expected.

``make evidence`` prints the table and writes a report that can be read offline.
"""
