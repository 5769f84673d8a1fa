"""What becomes of reports and letters once a job has written them, and what the ledger knows of the nights as rows."""
