"""The TFX component `report`: everything that a run found, as one HTML file and one JSON file."""
