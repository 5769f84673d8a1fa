"""Holdings: which exposures there are, of which files each is made, and where copies of these lie."""
