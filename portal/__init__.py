"""The web spaces; here the patient's: pages that work without script, and the same acts as JSON."""
