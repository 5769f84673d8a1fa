"""The steps of VAMPIRES at Subaru: two cameras on one trigger, their frames paired, told apart and made cubes of."""
