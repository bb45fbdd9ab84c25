"""The trace: one append-only, hash-chained register of every act and every refusal."""
