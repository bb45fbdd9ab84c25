"""The XDS.b services of the embedded record: registry and repository, over SOAP."""
