"""The checks that acts share, one module per letter of F A I D C H V.

Each function is pure and gives the reason that it fails for, or None. A fact that is not known (None) never
passes a check that rests on it.
"""
