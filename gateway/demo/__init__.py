"""The demo world: carriers that live parcels' lives over real HTTP, a sample merchant, and the story they make.

Nothing here is imported by the gateway itself; `carrier-gateway demo`, tests and benchmarks start it.
"""
