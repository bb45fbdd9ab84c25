"""The rules of the gateway, one file each; `order.py` says in which order they are asked."""
