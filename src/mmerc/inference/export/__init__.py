"""Files of predictions: JSON lines, CSV, XLSX, and a page with a timeline."""
