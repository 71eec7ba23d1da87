"""Measurements that anybody can repeat: `make bench`, or `python -m benchmarks.NAME` for one."""
