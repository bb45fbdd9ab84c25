"""The pages: requests in, values of `portal.patient` through templates, HTML out."""
