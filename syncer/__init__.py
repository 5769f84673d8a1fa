"""Plans and moves files."""
