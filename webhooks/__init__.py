"""What leaves the house: the log of messages, and lanes that bring it to merchants' endpoints.

`log` appends messages inside the transaction of the events they tell of; `dispatcher` runs one lane per endpoint over
that log. `endpoints`, `steering`, `keyring`, `attempts` and `messages` are what an API needs. Knows no carriers.

A lane, from the inside out: `item` (a message in it), `unsettled` (those in hand and their order), `lane` (what to do
about an answer), `course` (the lane with its place in the database and its
`envoy`, who knows address, keys and what else the endpoint wants), `courses` (all of them).
"""
