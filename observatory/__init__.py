"""The ground floor: the site as declared and as listed.

Knows nothing of what is done with it: moving, proving, converting and telling are the floors above.
"""
