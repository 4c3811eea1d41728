"""What leaves the house: the log of messages, and lanes that bring it to merchants' endpoints.

`log` appends messages inside the transaction of the events they tell of; `dispatcher` runs one lane per endpoint over
that log; `endpoints` and `messages` are what an API needs. Knows no carriers.
"""
