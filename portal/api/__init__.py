"""JSON beside the pages: the same functions of `portal.patient`, the same session."""
