"""Names of the files that the report's artifact holds."""

PAGE_FILE = "report.html"
JSON_FILE = "report.json"
CSV_FILE = "label_errors.csv"
FIX_FILE = "fix_list.csv"
