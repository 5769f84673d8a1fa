"""What is made of the nights: ``convert`` over a site, what is pending, and ``restore`` in both its directions."""
