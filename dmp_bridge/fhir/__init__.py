"""FHIR R4 for practice software: the resources of MHD and PDSm as values, and their mapping from and to XDS. No I/O."""
