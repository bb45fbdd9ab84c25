"""FHIR for practice software, under `/fhir`: MHD and PDSm over the embedded record."""
