"""Other makers' programs against the product: slow or heavy ones, run by `make interop` and not by `make test`."""
