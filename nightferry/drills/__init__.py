"""Drills: harmless faults planted in a scratch instrument, to prove that this installation would notice them."""
