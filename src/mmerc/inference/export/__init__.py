"""Files of predictions: rows and tables, annotation files of ELAN and Praat, subtitles, and a page with a timeline."""
