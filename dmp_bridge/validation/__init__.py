"""CDA documents against the published schema and schematron of CI-SIS, in a child process (extra `validation`)."""
