"""The record elsewhere: the national DMP, or another XDS.b record, fed by a durable queue."""
