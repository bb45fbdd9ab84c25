"""The roof: settings, wiring, command line, supervisor, schema changes. Nothing below imports it."""
