"""IHE XDM archives (ITI-32, CI-SIS): a guarded zip, its folders and their metadata. No I/O."""
