"""Names of files in the validator's artifact, for those who only look for them."""

CHECKS_FILE = "checks.json"
