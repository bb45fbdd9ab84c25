"""`make demo`: a whole instance in one folder, and the first conversation played through its real ports.

Ordinary clients on the other side (smtplib, aioimaplib, an HTTP client with cookies) and the program's own
commands; nothing here reaches into the running processes.
"""
