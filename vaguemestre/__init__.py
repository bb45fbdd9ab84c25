"""Vaguemestre: the floor (`kernel`) and the roof (`app`) of the program."""
